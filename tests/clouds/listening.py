"""Somebody whom a cloud tells what happens: by https, with a certificate that the cloud is told to trust."""
import datetime
import http.server
import json
import queue
import ssl
import tempfile
import threading
import urllib.parse
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from asked import CONTROL


def certificate():
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
    made = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), private


class Listener:
    """Answers challenges, and keeps everything else: headers and body."""

    def __init__(self, vendor):
        public, private = certificate()
        request = urllib.request.Request(f"{CONTROL}/{vendor}/trust", data=public, method="POST", headers={"content-type": "text/plain"})
        urllib.request.urlopen(request).close()
        self.messages = messages = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, kind, text):
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self):
                self.answer(200, "application/json", json.dumps({"verification": self.headers["x-okta-verification-challenge"]}))

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                if "validationToken" in query:
                    return self.answer(200, "text/plain", query["validationToken"][0])
                messages.put((dict(self.headers), body))
                self.answer(202, "text/plain", "")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(public + private)
            file.flush()
            context.load_cert_chain(file.name)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"https://localhost:{self.server.server_port}/hints"

    def next(self):
        """The next message: its headers, by lower case, and its body."""
        headers, body = self.messages.get(timeout=20)
        return {name.lower(): value for name, value in headers.items()}, json.loads(body) if body else None
