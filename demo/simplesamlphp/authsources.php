<?php
// Who can log in, and what is said of them. Passwords are `alice-pw` and so on, as in the demo's realm.
$person = fn (string $name, string $display, array $groups) => [
    'uid' => [$name],
    'mail' => ["$name@example.test"],
    'displayName' => [$display],
    'groups' => $groups,
];
$config = [
    'admin' => ['core:AdminPassword'],
    'people' => [
        'exampleauth:UserPass',
        'alice:alice-pw' => $person('alice', 'Alice Example', ['jira-users', 'wiki-users']),
        'bob:bob-pw' => $person('bob', "Bob O'Hara & Söns", ['jira-users']),
        'erin:erin-pw' => $person('erin', 'Erin Example', []),
    ],
];
