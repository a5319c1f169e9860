"""A Jira with accounts: jira820, which knows no logins, behind what decides who somebody is.

Prints its port, and ends when its standard input does.
"""

import asyncio
import base64
import json
import socket
import sys
import threading

import uvicorn
from jira820.config import load_config
from jira820.server import make_app

CREDENTIALS = {
    "Basic " + base64.b64encode(b"alice:alice-pw").decode(): "alice",
    "Bearer pat-of-bob": "bob",
}
OPEN = {"/rest/api/2/serverInfo", "/secure/Dashboard.jspa"}


class Tracker:
    """Believes credentials of a request's own, else the gateway's header, and never both."""

    def __init__(self, jira):
        self.jira = jira

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.jira(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        credentials, told = headers.get("authorization"), headers.get("x-forwarded-user")
        path = scope["path"]
        if credentials and told:
            return await self.answer(send, 500, "two people at once", None)
        user = CREDENTIALS.get(credentials) if credentials else told
        if credentials and not user:
            return await self.answer(send, 401, "AUTHENTICATED_FAILED", None)
        if not user and path not in OPEN:
            return await self.answer(send, 401, "who are you?", None)
        if path == "/secure/Dashboard.jspa":
            return await self.answer(send, 200, "dashboard", user)
        if path == "/rest/api/2/myself":
            return await self.answer(send, 200, {"name": user, "key": user, "active": True}, user)

        async def tell(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self.name(user)]
            await send(message)

        await self.jira(scope, receive, tell)

    @staticmethod
    def name(user):
        return (b"x-ausername", (user or "anonymous").encode())

    async def answer(self, send, status, content, user):
        headers = [(b"content-type", b"application/json"), self.name(user)]
        if status == 401:
            headers.append((b"www-authenticate", b'OAuth realm="https%3A%2F%2Ftracker"'))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Tracker(make_app(config=load_config())), log_level="error"))
    threading.Thread(target=lambda: (sys.stdin.read(), setattr(server, "should_exit", True)), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    asyncio.run(server.serve(sockets=[listener]))


main()
