#!/usr/bin/env python3
"""How an application verifies what the gateway says of a user.

    verify_assertion.py --jwks URL --issuer URL --audience APP < assertion

prints the claims of a good assertion, or says why it is none and exits with 1. An application keeps one `Verifier`,
and asks it for every request: `verifier.claims(request.headers["X-Gatehouse-Assertion"])`.

Needs PyJWT with cryptography: pip install 'PyJWT[crypto]'
"""

import argparse
import json
import sys

import jwt

# The clocks of two machines differ.
LEEWAY_SECONDS = 30


class Verifier:
    def __init__(self, jwks_url, issuer, audience):
        # Asks for the keys when it meets one that it does not know, and keeps them for five minutes.
        self.keys = jwt.PyJWKClient(jwks_url, cache_keys=False, lifespan=300)
        self.issuer = issuer
        self.audience = audience

    def claims(self, assertion):
        """The claims, or jwt.PyJWTError: then nobody is logged in, whatever other headers say."""
        key = self.keys.get_signing_key_from_jwt(assertion)
        return jwt.decode(
            assertion,
            key,
            # Never the algorithm that the assertion itself names.
            algorithms=["ES256"],
            issuer=self.issuer,
            audience=self.audience,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "sub", "exp", "nbf"]},
        )


def main():
    parser = argparse.ArgumentParser(description="Verifies an assertion on standard input.")
    parser.add_argument("--jwks", required=True, help="such as https://login.example.com/.well-known/jwks.json")
    parser.add_argument("--issuer", required=True, help="the gateway's login host, such as https://login.example.com")
    parser.add_argument("--audience", required=True, help="what the gateway's configuration calls this application")
    options = parser.parse_args()
    verifier = Verifier(options.jwks, options.issuer, options.audience)
    try:
        claims = verifier.claims(sys.stdin.read().strip())
    except jwt.PyJWTError as error:
        sys.exit(f"refused: {error}")
    print(json.dumps(claims))


if __name__ == "__main__":
    main()
