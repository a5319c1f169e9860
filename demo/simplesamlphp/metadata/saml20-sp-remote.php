<?php
// The gateway, whose login host is at $LOGIN_URL.
$login = getenv('LOGIN_URL');
$metadata["$login/_gatehouse/saml/metadata"] = [
    'AssertionConsumerService' => [[
        'Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
        'Location' => "$login/_gatehouse/saml/acs",
        'index' => 0,
    ]],
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'simplesaml.nameidattribute' => 'uid',
    'simplesaml.attributes' => true,
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
    'saml20.sign.assertion' => true,
    'saml20.sign.response' => true,
    'validate.authnrequest' => false,
];
