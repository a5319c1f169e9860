#!/usr/bin/env bash
# CPU time per request with an established session: the gateway beside plain nginx, in one run, in turn. Both forward to
# the same nginx on the other core, where the load comes from, too. ROUNDS (5) of SECONDS (2) each.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/demo/start.sh
DEMO=$(mktemp -d /tmp/gatehouse-bench.XXXXXX)
export KRB5_CONFIG=$DEMO/krb5.conf KRB5_KDC_PROFILE=$DEMO/kdc.conf
trap 'stop_all; rm -rf "$DEMO"' EXIT

start_kdc
mkdir "$DEMO/www"
head -c 1000 /dev/zero | tr '\0' x >"$DEMO/www/1k"
head -c 65536 /dev/zero | tr '\0' x >"$DEMO/www/64k"
chmod 755 "$DEMO" "$DEMO/www"
(umask 077 && openssl rand -hex 32 >"$DEMO/master.key")

# nginx_at PORT NAME: an nginx with the configuration on standard input, one worker.
nginx_at() {
    {
        echo "worker_processes 1; daemon off; pid $DEMO/$2.pid; error_log $DEMO/$2.log;"
        echo "events { worker_connections 4096; }"
        echo "http { access_log off; keepalive_requests 1000000; client_body_temp_path $DEMO/t; proxy_temp_path $DEMO/t;"
        echo "fastcgi_temp_path $DEMO/t; uwsgi_temp_path $DEMO/t; scgi_temp_path $DEMO/t;"
        echo "server { listen 127.0.0.1:$1 backlog=4096;"
        cat
        echo "} upstream files { server 127.0.0.1:18480; keepalive 256; } }"
    } >"$DEMO/$2.conf"
}
nginx_at 18480 upstream <<<"root $DEMO/www;"
nginx_at 18481 nginx <<<'location / { proxy_pass http://files; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $http_host; }'
taskset -c 1 nginx -c "$DEMO/upstream.conf" &
taskset -c 0 nginx -c "$DEMO/nginx.conf" &
NGINX=$!

cat >"$DEMO/gatehouse.toml" <<EOF
[server]
login_url = "http://login.localhost:18482"
listen = ["127.0.0.1:18482"]
internal_listen = "127.0.0.1:18483"
[store]
url = "sqlite://$DEMO/gatehouse.db"
[secrets]
master_key = { file = "$DEMO/master.key" }
[admin]
socket = "$DEMO/control.sock"
[telemetry]
log_level = "warn"
[[app]]
name = "files"
url = "http://files.localhost:18482"
upstream = "http://127.0.0.1:18480"
[kerberos]
keytab = "$DEMO/http.keytab"
[[kerberos.realm]]
name = "$REALM"
EOF
taskset -c 0 target/release/gatehouse --config "$DEMO/gatehouse.toml" serve >"$DEMO/gatehouse.log" 2>&1 &
GATEWAY=$!
wait_for "the gateway" "$DEMO/gatehouse.log" curl -fs http://127.0.0.1:18483/readyz

export KRB5CCNAME=FILE:$DEMO/ccache
echo alice-pw | kinit alice >/dev/null
curl -sSf -o /dev/null -H 'Accept: text/html' --negotiate -u : -L --location-trusted -b "$DEMO/jar" -c "$DEMO/jar" \
    http://files.localhost:18482/1k
COOKIE=$(awk '$6 == "gatehouse-session" && $1 ~ /files/ { print $7 }' "$DEMO/jar")
[ -n "$COOKIE" ] || fail "no session"

# User and system time of a process and its children so far, in ticks.
cpu() {
    local pid total=0
    for pid in "$1" $(pgrep -P "$1" || true); do
        total=$((total + $(awk '{ print $14 + $15 }' "/proc/$pid/stat")))
    done
    echo "$total"
}

# load PID PORT FILE: microseconds of CPU per request.
load() {
    local before after requests
    before=$(cpu "$1")
    requests=$(taskset -c 1 wrk -t1 -c64 -d"${SECONDS_EACH}s" -H "Host: files.localhost:18482" \
        -H "Cookie: gatehouse-session=$COOKIE; JSESSIONID=0123456789ABCDEF" -H 'Accept-Encoding: gzip, deflate, br' \
        -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' \
        -H 'Accept: text/html,application/xhtml+xml,*/*;q=0.8' -H 'Accept-Language: en-US,en;q=0.5' \
        -H 'Sec-Fetch-Mode: navigate' -H 'Sec-Fetch-Dest: document' -H 'Sec-Fetch-Site: same-origin' \
        "http://127.0.0.1:$2/$3" | awk '/requests in/ { print $1 } /Non-2xx/ { exit 1 }')
    after=$(cpu "$1")
    awk -v t=$((after - before)) -v n="$requests" -v hz="$(getconf CLK_TCK)" 'BEGIN { print t * 1e6 / hz / n }'
}

SECONDS_EACH=${SECONDS_EACH:-2}
for file in 1k 64k; do
    load "$NGINX" 18481 $file >/dev/null
    load "$GATEWAY" 18482 $file >/dev/null
    for round in $(seq "${ROUNDS:-5}"); do
        echo "$file $round $(load "$NGINX" 18481 $file) $(load "$GATEWAY" 18482 $file)"
    done
done | tee "$DEMO/rounds" >/dev/null
python3 - "$DEMO/rounds" <<'EOF'
import json, statistics, sys

rounds = {}
for line in open(sys.argv[1]):
    size, _, nginx, gateway = line.split()
    rounds.setdefault(size, []).append((float(nginx), float(gateway)))
result = {}
print(f"{'body':>5} {'nginx us/request':>17} {'gateway us/request':>19} {'gateway / nginx':>16}")
for size, pairs in rounds.items():
    nginx, gateway = (statistics.median(column) for column in zip(*pairs))
    ratio = statistics.median(g / n for n, g in pairs)
    result[size] = {"nginx_us": round(nginx, 1), "gateway_us": round(gateway, 1), "ratio": round(ratio, 2)}
    print(f"{size:>5} {nginx:>17.1f} {gateway:>19.1f} {ratio:>16.2f}")
print("RESULT", json.dumps({"bench": "proxy", **result}))
EOF
