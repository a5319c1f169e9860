#!/usr/bin/env bash
# What the gateway costs beside its peers, in one run: CPU time, latency and memory with an established session, 20,000
# sessions, idle connections, WebSockets, a gigabyte, and instructions per request. The server that is measured has the first
# core; load and upstream have the second. ROUNDS (5) of SECONDS_EACH (2), SESSIONS (20000), IDLE (8000), SOCKETS (2000).
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/demo/start.sh
DEMO=$(mktemp -d /tmp/gatehouse-bench.XXXXXX)
export KRB5_CONFIG=$DEMO/krb5.conf KRB5_KDC_PROFILE=$DEMO/kdc.conf KRB5CCNAME=FILE:$DEMO/ccache
trap 'stop_all; [ -n "${KEEP:-}" ] || rm -rf "$DEMO"' EXIT
ulimit -n "$(ulimit -Hn)"
PYTHON=/usr/bin/python3

start_kdc
mkdir "$DEMO/www"
head -c 1000 /dev/zero | tr '\0' x >"$DEMO/www/1k"
head -c 65536 /dev/zero | tr '\0' x >"$DEMO/www/64k"
truncate -s 1G "$DEMO/www/1g"
chmod 755 "$DEMO" "$DEMO/www"
(umask 077 && openssl rand -hex 32 >"$DEMO/master.key")
source scripts/bench/proxy/peers.sh
source scripts/bench/proxy/gateway.sh

start_upstreams
start_peers
start_gateway
echo alice-pw | kinit alice >/dev/null
$PYTHON scripts/bench/proxy/log_in.py 100 >"$DEMO/sessions"

# What is measured, and which process it is: each is the leader of a tree.
cat >"$DEMO/peers" <<EOF
nginx 18481 $NGINX
auth_request 18484 $AUTH_REQUEST
haproxy 18485 $HAPROXY
apache 18486 $APACHE
gatehouse 18482 $GATEWAY
EOF
INSTRUCTIONS=$(count_instructions)
$PYTHON scripts/bench/proxy/measure.py "$DEMO" "$INSTRUCTIONS"
