#!/usr/bin/env bash
# A gateway to be attacked: attack-target.sh UPSTREAM
#
# Starts the gateway in front of an upstream (127.0.0.1:PORT) with the rules that tests/data/http/cases.jsonl assumes, twice: in clear
# for HTTP/1.1 byte by byte, and with TLS for HTTP/2. Logs alice (in `users`) and root (in `users` and `admins`) in with tickets of a KDC
# of its own, and says everything in one line of JSON. Ctrl-C or SIGTERM ends all of it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/kdc.sh

UPSTREAM=${1:-}
GATEHOUSE=${GATEHOUSE:-target/debug/gatehouse}
HOST=sso.test
REALM=ATTACK.TEST

fail() {
    echo "attack-target: $*" >&2
    exit 1
}

[[ $UPSTREAM =~ ^(127\.0\.0\.1|localhost):[0-9]+$ ]] || fail "usage: make attack-target UPSTREAM=127.0.0.1:PORT"

PLACE=$(mktemp -d)
# Background jobs get process groups of their own, so that each can be ended as a whole.
set -m
end_all() {
    local job
    # A second Ctrl-C must not end this half-way.
    trap '' INT TERM HUP
    trap - EXIT
    for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$PLACE"
}
trap end_all EXIT
trap 'exit 0' INT TERM HUP

# wait_for WHAT LOG COMMAND...: until the command succeeds, for at most 20 seconds.
wait_for() {
    local what=$1 log=$2
    shift 2
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    tail -n 20 "$log" >&2 || true
    fail "$what did not start"
}

port_is_open() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Ports that nobody has, a moment ago.
read -r PLAIN TLS PLAIN_INTERNAL TLS_INTERNAL KDC_PORT < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(s.getsockname()[1] for s in sockets))')

make_secrets() {
    openssl rand -hex 32 >"$PLACE/master.key"
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$HOST" -addext "subjectAltName=DNS:$HOST" \
        -addext "basicConstraints=critical,CA:FALSE" \
        -keyout "$PLACE/tls.key" -out "$PLACE/tls.pem" 2>/dev/null
    chmod 600 "$PLACE/master.key" "$PLACE/tls.key"
}

start_kdc() {
    write_kdc_configuration "$PLACE" "$KDC_PORT" $REALM .test
    make_kdc_database "$PLACE" $REALM $HOST alice root
    krb5kdc -n -r $REALM >"$PLACE/kdc.out" 2>&1 &
    wait_for "the KDC" "$PLACE/kdc.out" port_is_open "$KDC_PORT"
}

# write_configuration NAME PORT INTERNAL_PORT, and the [server.tls] table from the standard input.
write_configuration() {
    cat >"$PLACE/$1.toml" <<END
[server]
login_url = "https://$HOST"
listen = ["127.0.0.1:$2"]
internal_listen = "127.0.0.1:$3"
# The attacker comes from 127.0.0.1, which is not among them.
trusted_proxies = ["10.0.0.0/8"]
shutdown_grace_seconds = 1
drain_seconds = 0
$(cat)

[store]
url = "sqlite://$PLACE/$1.db"

[secrets]
master_key = { file = "$PLACE/master.key" }

[admin]
socket = "$PLACE/$1.sock"

[telemetry]
log_format = "text"

[[app]]
name = "target"
url = "https://$HOST"
upstream = "http://$UPSTREAM"
rule = [
    { path = "/public/*", decision = "pass" },
    { path = "/status", decision = "pass" },
    { path = "/s/*", decision = "pass" },
    { path = "/rest/*", decision = "pass", with_credentials = true },
    { path = "/admin/*", decision = "login", groups = ["admins"] },
]

[kerberos]
keytab = "$PLACE/http.keytab"

[[kerberos.realm]]
name = "$REALM"
domain = "attack.test"

[[saml]]
name = "nobody"
title = "An identity provider that nobody is sent to"
entity_id = "https://idp.example.test/metadata"
metadata = { file = "src/saml/self_test/metadata.xml" }
domains = ["saml.test"]

[saml.claims]
subject = ["uid"]
username = ["uid"]
END
}

gatehouse() {
    "$GATEHOUSE" --config "$PLACE/$1.toml" "${@:2}"
}

# start_gateway NAME INTERNAL_PORT
start_gateway() {
    "$GATEHOUSE" --config "$PLACE/$1.toml" serve >>"$PLACE/$1.log" 2>&1 &
    wait_for "the gateway" "$PLACE/$1.log" curl -fs "http://127.0.0.1:$2/readyz"
}

# The session's cookie of a user who logs in with a ticket: name=value. Nobody is in `admins` yet, so that nothing of this reaches the
# upstream.
log_in() {
    local jar=$PLACE/$1.jar status
    export KRB5CCNAME=FILE:$PLACE/$1.ccache
    echo "$1-pw" | kinit "$1" >/dev/null
    status=$(curl -sS -m 10 -o "$PLACE/page" -w '%{http_code}' --cacert "$PLACE/tls.pem" --connect-to "$HOST:443:127.0.0.1:$TLS" \
        --negotiate -u : -L --location-trusted -c "$jar" -b "$jar" -H 'Accept: text/html' "https://$HOST/admin/")
    [ "$status" = 403 ] || fail "$1 cannot log in: $status"
    awk '$6 ~ /gatehouse-session$/ { print $6 "=" $7 }' "$jar"
}

join_groups() {
    local group
    for group in users admins; do gatehouse tls group create $group >/dev/null; done
    gatehouse tls group join users alice >/dev/null
    gatehouse tls group join users root >/dev/null
    gatehouse tls group join admins root >/dev/null
}

make_secrets
start_kdc
write_configuration tls "$TLS" "$TLS_INTERNAL" <<END

[server.tls]
certificate = "$PLACE/tls.pem"
key = "$PLACE/tls.key"
END
write_configuration plain "$PLAIN" "$PLAIN_INTERNAL" </dev/null

start_gateway tls "$TLS_INTERNAL"
FIRST=$!
ALICE=$(log_in alice)
ROOT=$(log_in root)
join_groups
# The other gateway begins with what this one knows: the cookies are good for both.
kill -- "-$FIRST"
wait "$FIRST" || true
for file in "$PLACE"/tls.db "$PLACE"/tls.db-wal; do
    if [ -e "$file" ]; then cp "$file" "${file/tls.db/plain.db}"; fi
done
start_gateway tls "$TLS_INTERNAL"
start_gateway plain "$PLAIN_INTERNAL"

cat <<END | tr -d '\n' | sed 's/$/\n/'
{"gateway": "127.0.0.1:$PLAIN", "tls": "127.0.0.1:$TLS", "host": "$HOST", "ca": "$PLACE/tls.pem",
 "session_alice": "$ALICE", "session_root": "$ROOT",
 "id_user": "X-Forwarded-User", "id_email": "X-Forwarded-Email", "id_name": "X-Forwarded-Name",
 "id_groups": "X-Forwarded-Groups", "id_jwt": "X-Gatehouse-Assertion", "pfx": "/_gatehouse",
 "metrics": "http://127.0.0.1:$PLAIN_INTERNAL/metrics", "log": "$PLACE/plain.log",
 "tls_metrics": "http://127.0.0.1:$TLS_INTERNAL/metrics", "tls_log": "$PLACE/tls.log"}
END
wait
