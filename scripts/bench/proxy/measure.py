"""Measures servers side by side, and prints a table and a RESULT: measure.py DIRECTORY INSTRUCTIONS

DIRECTORY has `peers`, a line with name, port and process of each, and `sessions`, one a line.
"""

import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import time

import ask
import log_in

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("SECONDS_EACH", "2")
SESSIONS = int(os.environ.get("SESSIONS", "20000"))
IDLE = int(os.environ.get("IDLE", "8000"))
SOCKETS = int(os.environ.get("SOCKETS", "2000"))
TICKS = os.sysconf("SC_CLK_TCK")

# Each request of a connection has another session of a file.
ROTATING = """
local requests, turn = {{}}, 0
for line in io.lines("{sessions}") do
    local headers = {{ ["Cookie"] = "gatehouse-session=" .. line .. "; JSESSIONID=0123456789ABCDEF" }}
    for name, value in pairs({{ {headers} }}) do headers[name] = value end
    requests[#requests + 1] = wrk.format("GET", "/{file}", headers)
end
request = function() turn = turn % #requests + 1; return requests[turn] end
"""


class Peer:
    """A server: a process, and those that it has started."""

    def __init__(self, line):
        self.name, port, pid = line.split()
        self.port, self.pid = int(port), int(pid)

    def tree(self):
        children = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True, check=False)
        return [self.pid, *map(int, children.stdout.split())]

    def cpu(self):
        """Seconds of user and system time so far."""
        total = 0
        for pid in self.tree():
            fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def resident(self):
        """KiB of memory."""
        status = (open(f"/proc/{pid}/status").read() for pid in self.tree())
        return sum(int(re.search(r"VmRSS:\s+(\d+)", text)[1]) for text in status)


def load(peer, directory, file, sessions="sessions"):
    """Microseconds of CPU per request, requests a second, p50 and p99 in ms."""
    headers = dict(line.split(": ", 1) for line in ask.HEADERS)
    headers["Host"] = "files.localhost:18482"
    quoted = ", ".join(f'["{name}"] = "{value}"' for name, value in headers.items())
    script = f"{directory}/load.lua"
    with open(script, "w") as out:
        out.write(ROTATING.format(sessions=f"{directory}/{sessions}", headers=quoted, file=file))
    before = peer.cpu()
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{SECONDS}s", "--latency", "-s", script]
    said = subprocess.run([*command, f"http://127.0.0.1:{peer.port}/"], capture_output=True, text=True, check=True).stdout
    # Apache closes a connection now and then.
    if "Non-2xx" in said or ("Socket errors" in said and peer.name == "gatehouse"):
        raise SystemExit(f"{peer.name}: {said}")
    requests = int(re.search(r"(\d+) requests in", said)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    return [(peer.cpu() - before) * 1e6 / requests, rate, latency(said, "50%"), latency(said, "99%")]


def latency(said, which):
    value, unit = re.search(rf"{which}\s+([\d.]+)(us|ms|s)", said).groups()
    return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def rounds(peers, directory, file, sessions="sessions"):
    """For each peer what each round came to, the peers in turn."""
    found = {peer.name: [] for peer in peers}
    for peer in peers:
        load(peer, directory, file, sessions)
    for _ in range(ROUNDS):
        for peer in peers:
            found[peer.name].append(load(peer, directory, file, sessions))
    return found


def median(rows, place):
    return statistics.median(row[place] for row in rows)


def ratio(found, one, other, place=0):
    """The median of the rounds' ratios: both have had the same noise."""
    return statistics.median(a[place] / b[place] for a, b in zip(found[one], found[other]))


def show(title, peers, found):
    print(f"\n{title}\n  {'':<14}{'us/request':>11}{'x nginx':>9}{'requests/s':>12}{'p50 ms':>8}{'p99 ms':>8}{'MiB':>6}")
    for peer in peers:
        rows = found[peer.name]
        print(
            f"  {peer.name:<14}{median(rows, 0):>11.1f}{ratio(found, peer.name, 'nginx'):>9.2f}{median(rows, 1):>12.0f}"
            f"{median(rows, 2):>8.2f}{median(rows, 3):>8.2f}{peer.resident() / 1024:>6.0f}"
        )


def idle_connections(peer, session):
    """KiB for each of many connections that have been used once."""
    before, connections = peer.resident(), []
    for _ in range(IDLE):
        connection = socket.create_connection(("127.0.0.1", peer.port))
        connection.sendall(ask.head(session))
        if (status := ask.read_answer(connection)) != 200:
            raise SystemExit(f"answered {status}")
        connections.append(connection)
    kib = (peer.resident() - before) / IDLE
    for connection in connections:
        connection.close()
    return kib


def websockets(peer, session, at_once):
    """KiB for each of many tunnels in which nothing happens; opened one by one or all at once."""
    more = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    more += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: http://sockets.localhost:18482"]
    request = ask.head(session, "sockets.localhost", "/", more)
    before, tunnels = peer.resident(), []
    for _ in range(SOCKETS):
        tunnel = socket.create_connection(("127.0.0.1", peer.port))
        tunnel.sendall(request)
        tunnels.append(tunnel)
        if not at_once:
            switched(tunnel)
    if at_once:
        for tunnel in tunnels:
            switched(tunnel)
    for tunnel in tunnels:
        tunnel.sendall(b"\x81\x80\x00\x00\x00\x00")
        if not tunnel.recv(64):
            raise SystemExit("a tunnel ended")
    time.sleep(1)
    kib = (peer.resident() - before) / SOCKETS
    for tunnel in tunnels:
        tunnel.close()
    return kib


def switched(tunnel):
    if (status := ask.read_answer(tunnel)) != 101:
        raise SystemExit(f"no tunnel: answered {status}")


def gigabyte(peer, session, directory, up):
    """Seconds of CPU, and MiB of memory that it took more."""
    before, memory = peer.cpu(), peer.resident()
    command = ["taskset", "-c", "1", "curl", "-sf", "-o", "/dev/null", "-H", f"Cookie: gatehouse-session={session}"]
    command += ["-H", "Host: files.localhost:18482"]
    command += ["-H", "Expect:", "-T", f"{directory}/www/1g"] if up else []
    subprocess.run([*command, f"http://127.0.0.1:{peer.port}/{'up' if up else '1g'}"], check=True)
    return peer.cpu() - before, (peer.resident() - memory) / 1024


def gigabytes(gateway, haproxy, session, directory, up):
    """How much CPU the gateway takes for one, in HAProxy's."""
    passed = [[gigabyte(peer, session, directory, up) for peer in (gateway, haproxy)] for _ in range(3)]
    found = statistics.median(mine[0] / theirs[0] for mine, theirs in passed)
    (seconds, grown), _ = passed[-1]
    way = "up" if up else "down"
    print(f"1 GiB {way}: {seconds:.2f} s of CPU, {found:.2f} x HAProxy, {grown:.0f} MiB of memory more")
    return found


def main(directory, instructions):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    peers = [Peer(line) for line in open(f"{directory}/peers")]
    nginx, asking, haproxy, _, gateway = peers
    session = open(f"{directory}/sessions").readline().strip()
    small, large = rounds(peers, directory, "1k"), rounds(peers, directory, "64k")
    show("1 KiB, 100 sessions, 64 connections, one core", peers, small)
    show("64 KiB", peers, large)

    # What leaves memory behind comes last.
    print(f"logging in {SESSIONS} times", flush=True)
    with open(f"{directory}/many", "w") as many:
        many.writelines(log_in.log_in() + "\n" for _ in range(SESSIONS))
    grown = rounds([nginx, gateway], directory, "1k", "many")
    growth = ratio(grown, "gatehouse", "nginx") / ratio(small, "gatehouse", "nginx")
    show(f"1 KiB, {SESSIONS} sessions", [nginx, gateway], grown)
    resident = gateway.resident() / 1024

    at_sockets = log_in.log_in("sockets.localhost")
    one_by_one, at_once = websockets(gateway, at_sockets, False), websockets(gateway, at_sockets, True)
    print(f"{SOCKETS} WebSockets: {one_by_one:.1f} KiB each opened one by one, {at_once:.1f} KiB more all at once")
    idle = idle_connections(gateway, session)
    print(f"{IDLE} idle connections: {idle:.1f} KiB each")
    gb_ratio = max(gigabytes(gateway, haproxy, session, directory, up) for up in (False, True))
    print(f"instructions per request: {instructions}")
    result = {
        "bench": "proxy",
        "cpu_ratio_vs_nginx": ratio(small, "gatehouse", "nginx"),
        "cpu_ratio_vs_nginx_auth_request": ratio(small, "gatehouse", asking.name),
        "cpu_ratio_64k_vs_nginx": ratio(large, "gatehouse", "nginx"),
        "p99_ratio_vs_nginx": ratio(small, "gatehouse", "nginx", 3),
        "session_growth_ratio": growth,
        "instructions_per_request": int(instructions),
        "idle_connection_kib": idle,
        "websocket_kib": one_by_one,
        "rss_20000_sessions_mib": resident,
        "gb_cpu_ratio_vs_haproxy": gb_ratio,
    }
    rounded = {key: round(value, 2) if isinstance(value, float) else value for key, value in result.items()}
    print("RESULT", json.dumps(rounded))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
