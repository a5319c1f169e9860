#!/usr/bin/env python3
"""A server for mail (aiosmtpd) that prints a line of JSON for each mail it takes.

    mail.py PORT [--tls CERTIFICATE KEY] [--implicit] [--user NAME PASSWORD] [--refuse TEXT]

With --tls it takes nothing before STARTTLS, or, with --implicit, speaks TLS from the beginning; with --user nobody sends anything
who has not signed in. --refuse is what it answers instead of taking a mail; {password} in it is what it was given.
"""

import argparse
import asyncio
import email
import email.policy
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--tls", nargs=2)
parser.add_argument("--implicit", action="store_true")
parser.add_argument("--user", nargs=2)
parser.add_argument("--refuse")
options = parser.parse_args()
given = []


def authenticate(server, session, envelope, mechanism, data):
    given.append(data.password.decode())
    good = [data.login.decode(), data.password.decode()] == options.user
    return AuthResult(success=good, handled=False)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        if options.refuse:
            return options.refuse.replace("{password}", "".join(given))
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        seen = {
            "greeting": session.host_name,
            "encrypted": session.ssl is not None or options.implicit,
            "authenticated": bool(session.authenticated),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "names": [name for name, _ in mail.raw_items()],
            "head": dict(mail.items()),
            "defects": [repr(it) for it in mail.defects],
            "type": mail.get_content_type(),
            "text": mail.get_content(),
        }
        print(json.dumps(seen), flush=True)
        return "250 taken"


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*options.tls)
    return made


def server():
    starttls = options.tls and not options.implicit
    return SMTP(
        Handler(),
        hostname="mail.example.com",
        tls_context=context() if starttls else None,
        require_starttls=bool(starttls),
        authenticator=authenticate if options.user else None,
        auth_required=bool(options.user),
        auth_require_tls=bool(starttls),
        enable_SMTPUTF8=True,
    )


async def main():
    loop = asyncio.get_running_loop()
    tls = context() if options.implicit else None
    listening = await loop.create_server(server, "127.0.0.1", options.port, ssl=tls)
    await listening.serve_forever()


asyncio.run(main())
