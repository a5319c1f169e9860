#!/usr/bin/env python3
"""A receiver of webhooks that checks signatures by itself, and prints a line of JSON for each message.

    webhook.py PORT SECRET [CERTIFICATE KEY]

answers 401 to a message that is not signed with the secret, or that was signed more than five minutes ago.
"""

import hashlib
import hmac
import json
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SECRET = int(sys.argv[1]), sys.argv[2].encode()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def signed(self, body):
        timestamp = self.headers["x-gatehouse-timestamp"] or ""
        mac = hmac.new(SECRET, timestamp.encode() + b"." + body, hashlib.sha256)
        given = self.headers["x-gatehouse-signature"] or ""
        return hmac.compare_digest(given, "sha256=" + mac.hexdigest())

    def fresh(self):
        return abs(time.time() - int(self.headers["x-gatehouse-timestamp"] or 0)) < 300

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        good = self.signed(body) and self.fresh()
        seen = {
            "signed": self.signed(body),
            "fresh": self.fresh(),
            "type": self.headers["content-type"],
            "id": self.headers["x-gatehouse-delivery"],
            "said": json.loads(body),
        }
        print(json.dumps(seen), flush=True)
        self.send_response(204 if good else 401)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
