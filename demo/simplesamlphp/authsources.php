<?php
// Who can log in, and what is said of them. Passwords are `alice-pw` and so on, as in the demo's realm. `objectid` is what the
// fake cloud calls some of its people. Of frank's groups the assertion says only where to ask, as Entra ID does above 150.
$person = fn (string $name, string $display, ?array $groups, string $id = '') => array_filter([
    'uid' => [$name],
    'mail' => ["$name@example.test"],
    'displayName' => [$display],
    'groups' => $groups,
    'objectid' => $id === '' ? null : [$id],
    'http://schemas.microsoft.com/claims/groups.link' => $groups === null
        ? ["https://graph.windows.net/example/users/$id/getMemberObjects"]
        : null,
], fn ($values) => $values !== null);
$config = [
    'admin' => ['core:AdminPassword'],
    'people' => [
        'exampleauth:UserPass',
        'alice:alice-pw' => $person('alice', 'Alice Example', ['jira-users', 'wiki-users'], 'b16b38f2-beeb-48da-a165-8da1658eec67'),
        'bob:bob-pw' => $person('bob', "Bob O'Hara & Söns", ['jira-users'], '5a7bbeb0-c34d-40bf-bf90-0bff90150280'),
        'erin:erin-pw' => $person('erin', 'Erin Example', [], '685ee6c0-f14f-42cf-b802-2cf802083fa5'),
        'frank:frank-pw' => $person('frank', 'Frank Example', null, 'c9eb2313-b4a0-4472-ae57-472e578069ae'),
    ],
];
