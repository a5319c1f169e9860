# The gateway that is measured. To be sourced by ../proxy.sh.
# shellcheck shell=bash disable=SC2034

start_gateway() {
    cat >"$DEMO/gatehouse.toml" <<EOF
[server]
login_url = "http://login.localhost:18482"
listen = ["127.0.0.1:18482"]
internal_listen = "127.0.0.1:18483"
max_connections = 18000
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
[[app]]
name = "sockets"
url = "http://sockets.localhost:18482"
upstream = "http://127.0.0.1:18488"
[kerberos]
keytab = "$DEMO/http.keytab"
[[kerberos.realm]]
name = "$REALM"
EOF
    taskset -c 0 target/release/gatehouse --config "$DEMO/gatehouse.toml" serve >"$DEMO/gatehouse.log" 2>&1 &
    GATEWAY=$!
    wait_for "the gateway" "$DEMO/gatehouse.log" curl -fs http://127.0.0.1:18483/readyz
}

# Instructions in user space per request, of a gateway of its own: those of 4,000 requests more, by callgrind.
count_instructions() {
    local requests counted=()
    sed -e "s/18482/18492/g; s/18483/18493/g; s#gatehouse.db#counted.db#; s#control.sock#counted.sock#" \
        "$DEMO/gatehouse.toml" >"$DEMO/counted.toml"
    for requests in 1000 5000; do
        taskset -c 0 valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$DEMO/callgrind.$requests" \
            target/release/gatehouse --config "$DEMO/counted.toml" serve >"$DEMO/counted.log" 2>&1 &
        local counting=$!
        wait_for "the gateway" "$DEMO/counted.log" curl -fs http://127.0.0.1:18493/readyz
        # Fewer requests than are divided by would be a better figure.
        PORT=18492 $PYTHON scripts/bench/proxy/log_in.py 1 >"$DEMO/counted.session" || fail "nobody could log in"
        PORT=18492 $PYTHON scripts/bench/proxy/ask.py "$requests" "$(cat "$DEMO/counted.session")" ||
            fail "not all requests were answered"
        kill -TERM $counting
        wait $counting || true
        counted+=("$(awk '/Collected/ { print $4 }' "$DEMO/callgrind.$requests")")
    done
    echo $(((counted[1] - counted[0]) / 4000))
}
