# Everything that the demo consists of, each part a function. To be sourced, from the top of the project.
# shellcheck shell=bash

DEMO=$PWD/.demo
REALM=EXAMPLE.TEST
LOGIN=https://login.localhost:8443
JIRA=https://jira.localhost:8443
WIKI=https://wiki.localhost:8443
DJANGO=https://crowd-app.localhost:8443
IDP=http://idp.localhost:8088
KDC_PORT=18088
# The first of six ports of the fake clouds: Graph, its tokens, Okta, Google, its tokens, and what they are told.
CLOUD_PORT=8090
source scripts/kdc.sh

# Background jobs get process groups of their own, so that each can be ended as a whole.
set -m

fail() {
    echo "demo: $*" >&2
    exit 1
}

# wait_for WHAT LOG COMMAND...: until the command succeeds, for at most 20 seconds.
wait_for() {
    local what=$1 log=$2
    shift 2
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    tail -n 20 "$log" >&2 || true
    fail "$what did not start; its log is $log"
}

port_is_open() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

require_free_ports() {
    local port
    for port in 8443 9091 8081 8082 8083 8088 $KDC_PORT $(seq $CLOUD_PORT $((CLOUD_PORT + 5))); do
        if port_is_open "$port"; then
            fail "port $port is in use: is another demo running? See: ss -ltnp"
        fi
    done
}

# A certificate authority of the demo's own, and a certificate for the four hosts.
make_certificates() {
    if openssl x509 -noout -checkhost crowd-app.localhost -in "$DEMO/tls.pem" 2>/dev/null | grep -q 'does match'; then return; fi
    (
        cd "$DEMO"
        openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=Gatehouse demo CA" \
            -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" \
            -keyout ca.key -out ca.pem
        openssl req -newkey rsa:2048 -nodes -subj /CN=login.localhost -keyout tls.key -out tls.csr
        openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -out tls.pem \
            -extfile <(echo "subjectAltName=DNS:login.localhost,DNS:jira.localhost,DNS:wiki.localhost,DNS:crowd-app.localhost
extendedKeyUsage=serverAuth")
        chmod 600 tls.key ca.key
    ) 2>/dev/null || fail "openssl could not make the certificates"
}

# A real KDC with the users alice, bob, carol and dave.
start_kdc() {
    write_kdc_configuration "$DEMO" $KDC_PORT $REALM .localhost
    make_kdc_database "$DEMO" $REALM login.localhost alice bob carol dave
    krb5kdc -n -r $REALM >"$DEMO/kdc.out" 2>&1 &
    wait_for "the KDC" "$DEMO/kdc.log" port_is_open $KDC_PORT
}

# A real SAML identity provider with the users alice, bob, erin and frank.
start_idp() {
    demo/simplesamlphp/start.sh "$DEMO/idp" 8088 $IDP $LOGIN >"$DEMO/idp.log" 2>&1 &
    wait_for "the identity provider" "$DEMO/idp.log" \
        curl -fs -m 5 "http://127.0.0.1:8088/simplesamlphp/saml2/idp/metadata.php"
}

start_apps() {
    target/debug/examples/sample_app "Sample Jira" 127.0.0.1:8081 >"$DEMO/jira.log" 2>&1 &
    target/debug/examples/sample_app "Sample Wiki" 127.0.0.1:8082 >"$DEMO/wiki.log" 2>&1 &
    wait_for "the sample apps" "$DEMO/jira.log" curl -fs 127.0.0.1:8081/status
    wait_for "the sample apps" "$DEMO/wiki.log" curl -fs 127.0.0.1:8082/status
}

# cloud METHOD PATH [JSON]: tells the fake cloud something, or asks it.
cloud() {
    curl -fsS -m 20 -X "$1" -H 'Content-Type: application/json' ${3:+--data "$3"} "http://127.0.0.1:$((CLOUD_PORT + 5))/$2"
}

# What the cloud says of its credentials: cloud_credential NAME.
cloud_credential() {
    cloud GET "" | python3 -c 'import json, sys; print(json.load(sys.stdin)["credentials"]["graph"][sys.argv[1]])' "$1"
}

# Entra ID, as far as it can be had without Microsoft: an organisation of 120 people, of whom four are alice,
# bob, erin and frank. It ends with its standard input.
start_cloud() {
    tail -f /dev/null | target/debug/examples/fake_clouds \
        "{\"port\": $CLOUD_PORT, \"plan\": {\"users\": 120, \"groups\": 12}}" >"$DEMO/cloud.log" 2>&1 &
    wait_for "the fake cloud" "$DEMO/cloud.log" cloud GET ""
    local no name given person changes=""
    for person in 0:alice:Alice 3:frank:Frank 4:bob:Bob 5:erin:Erin; do
        IFS=: read -r no name given <<<"$person"
        changes+='{"do": "change_user", "no": '$no', "set": {"status": "ACTIVE", "kind": "member", "login": "'$name'@example.test",
            "mail": "'$name'@example.test", "given": "'$given'", "family": "Example", "display": "'$given' Example"}},'
    done
    cloud POST graph/apply "[$changes"'
        {"do": "change_group", "no": 1, "set": {"name": "jira-users"}},
        {"do": "add_members", "group": 1, "members": [{"user": 0}, {"user": 3}]}
    ]' >/dev/null
    (umask 077 && cloud_credential client_secret >"$DEMO/cloud.secret")
}

# A Django application that knows nobody but by Crowd: it asks the gateway while it starts.
start_django() {
    target/django/bin/python demo/django/app.py "$DEMO" 8083 http://127.0.0.1:9091/crowd django \
        "$(cat "$DEMO/crowd.password")" >"$DEMO/django.log" 2>&1 &
    wait_for "the Django application" "$DEMO/django.log" grep -q ready "$DEMO/django.log"
}

write_configuration() {
    if [ ! -f "$DEMO/crowd.password" ]; then
        (umask 077 && openssl rand -hex 32 | tr -d '\n' >"$DEMO/crowd.password")
    fi
    if [ ! -f "$DEMO/master.key" ]; then
        (umask 077 && openssl rand -hex 32 >"$DEMO/master.key")
    fi
    cat >"$DEMO/gatehouse.toml" <<EOF
[server]
login_url = "$LOGIN"
listen = ["127.0.0.1:8443", "[::1]:8443"]
internal_listen = "127.0.0.1:9091"
shutdown_grace_seconds = 5
drain_seconds = 0

[server.tls]
certificate = "$DEMO/tls.pem"
key = "$DEMO/tls.key"

[store]
url = "sqlite://$DEMO/gatehouse.db"

[secrets]
master_key = { file = "$DEMO/master.key" }

[admin]
socket = "$DEMO/control.sock"

[telemetry]
log_format = "text"

[[app]]
name = "jira"
kind = "jira"
url = "$JIRA"
upstream = "http://127.0.0.1:8081"

[[app.rule]]
path = "/status"
methods = ["GET"]
decision = "pass"

[[app]]
name = "wiki"
kind = "confluence"
url = "$WIKI"
upstream = "http://127.0.0.1:8082"

[[app]]
name = "django"
url = "$DJANGO"
upstream = "http://127.0.0.1:8083"
sessions = { cookies = ["sessionid"], sign_out_paths = ["/logout/"] }

[[app.crowd]]
credentials = ["sha256:$(sha256sum "$DEMO/crowd.password" | cut -d' ' -f1)"]
single_sign_on = true

[[saml]]
name = "demo-idp"
title = "Demo identity provider"
entity_id = "$IDP/idp"
metadata = { url = "http://127.0.0.1:8088/simplesamlphp/saml2/idp/metadata.php" }
domains = ["example.test"]

[saml.claims]
subject = ["objectid"]
username = ["uid"]
email = ["mail"]
display_name = ["displayName"]
groups = ["groups"]
match = ["mail"]

# Of frank the identity provider only says that he is in too many groups.
[saml.lookup]
connector = "entra"
account = true

[[connector]]
name = "entra"
directory = "Entra"
saml = "demo-idp"

[connector.entra]
tenant = "$(cloud_credential tenant)"
client_id = "$(cloud_credential client_id)"
secret = { file = "$DEMO/cloud.secret" }
authority = "http://localhost:$((CLOUD_PORT + 1))"
graph = "http://localhost:$CLOUD_PORT"

[connector.users]
kind = "members"

[connector.claims]
username = ["userPrincipalName"]
username_part = "local"
email = ["mail"]
display_name = ["displayName"]

[kerberos]
keytab = "$DEMO/http.keytab"

[[kerberos.realm]]
name = "$REALM"
domain = "example.test"

[provisioning]
create_groups = true
managed_groups = ["jira-*", "wiki-*"]
EOF
    if [ ! -e /proc/net/if_inet6 ] || ! grep -q ' lo$' /proc/net/if_inet6; then
        sed -i 's/, "\[::1\]:8443"//' "$DEMO/gatehouse.toml"
    fi
}

gatehouse() {
    target/debug/gatehouse --config "$DEMO/gatehouse.toml" "$@"
}

# With IMAGE=1, in a container that shares the network and the demo's directory, and may do nothing else.
run_gateway() {
    if [ -z "${IMAGE:-}" ]; then exec target/debug/gatehouse --config "$DEMO/gatehouse.toml" serve; fi
    exec scripts/podman.sh run --rm --replace --name gatehouse-demo --network host --volume "$DEMO:$DEMO" \
        --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges \
        localhost/gatehouse:demo --config "$DEMO/gatehouse.toml" serve
}

start_gateway() {
    run_gateway >>"$DEMO/gatehouse.log" 2>&1 &
    GATEWAY=$!
    wait_for "the gateway" "$DEMO/gatehouse.log" curl -fs http://127.0.0.1:9091/readyz
    # It asks the identity provider for its metadata by itself.
    wait_for "the gateway" "$DEMO/gatehouse.log" curl -fs --cacert "$DEMO/ca.pem" $LOGIN/_gatehouse/saml/metadata
}

# As a machine without power does.
kill_gateway() {
    if [ -z "${IMAGE:-}" ]; then kill -9 "$GATEWAY"; else scripts/podman.sh kill gatehouse-demo >/dev/null; fi
    wait "$GATEWAY" 2>/dev/null || true
}

# The image is made of the binary that has just been built, and its user is who the demo's files belong to.
make_image() {
    if [ "$(id -u)" != 0 ]; then fail "a gateway in a container wants root here"; fi
    scripts/image.sh target/debug/gatehouse localhost/gatehouse:demo >/dev/null
    chown -R 65532:65532 "$DEMO"
}

stop_all() {
    local job
    # Each is the leader of a group: PHP's server has children of its own.
    for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
    wait 2>/dev/null || true
}

start_all() {
    mkdir -p "$DEMO"
    chmod 700 "$DEMO"
    require_free_ports
    trap stop_all EXIT
    make_certificates
    start_kdc
    start_idp
    start_apps
    start_cloud
    write_configuration
    : >"$DEMO/gatehouse.log"
    if [ -n "${IMAGE:-}" ]; then make_image; fi
    start_gateway
    start_django
}
