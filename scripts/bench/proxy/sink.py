"""An upstream that takes whatever is sent, and says so: sink.py PORT"""

import re
import socket
import sys
import threading


def serve(connection):
    buffer = bytearray(1 << 20)
    with connection, connection.makefile("rb", buffering=0) as stream:
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = stream.read(1)
                if not byte:
                    return
                head += byte
            left = int(re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)[1])
            while left:
                read = connection.recv_into(buffer, min(left, len(buffer)))
                if not read:
                    return
                left -= read
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
