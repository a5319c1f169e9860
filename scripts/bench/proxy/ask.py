"""Sends exactly so many requests over eight connections, as a browser does: ask.py COUNT SESSION"""

import os
import socket
import sys

PORT = int(os.environ.get("PORT", "18482"))

HEADERS = [
    "Accept-Encoding: gzip, deflate, br",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Site: same-origin",
    "Referer: http://files.localhost/browse/ABC-1",
]


def head(session, host="files.localhost", path="/1k", more=()):
    """A request's head: ten headers of a browser's, with its host and its cookies."""
    cookie = f"Cookie: gatehouse-session={session}; JSESSIONID=0123456789ABCDEF"
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{PORT}", cookie, *HEADERS, *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_answer(connection):
    """The status of one answer, once all of it has been read."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise SystemExit("the connection ended")
        data += more
    lines, rest = data.split(b"\r\n\r\n", 1)
    lines = lines.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    left = length - len(rest)
    while left > 0:
        left -= len(connection.recv(65536))
    return int(lines[0].split()[1])


def main(count, session):
    connections = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(8)]
    request, done = head(session), 0
    while done < count:
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            if (status := read_answer(connection)) != 200:
                raise SystemExit(f"answered {status}")
            done += 1


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
