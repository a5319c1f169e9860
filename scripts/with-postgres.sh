#!/usr/bin/env bash
# with-postgres.sh COMMAND…: runs a command with TEST_POSTGRES_URL naming a private PostgreSQL that ends with it.
# Nothing outside a temporary directory is touched; PostgreSQL refuses to run as root, so root lends it another user.
set -euo pipefail

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$bin" ]; then
    echo "with-postgres: no PostgreSQL server is installed; run 'make setup'" >&2
    exit 1
fi

dir=$(mktemp -d /tmp/gatehouse-postgres.XXXXXX)
as=()
if [ "$(id -u)" = 0 ]; then
    chown nobody "$dir"
    as=(runuser -u nobody --)
fi

cleanup() {
    "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -s stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$dir"
"${as[@]}" "$bin/initdb" -D "$dir/data" -U gatehouse -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; exit 1; }
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -s -w -l "$dir/server.log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir -c fsync=off -c max_connections=400" start ||
    { cat "$dir/server.log" >&2; exit 1; }
cd - >/dev/null

export TEST_POSTGRES_URL="postgres://gatehouse@127.0.0.1:$port/postgres"
"$@"
