#!/usr/bin/env bash
# The tests that kill, race and make things up, again and again for SOAK_MINUTES (10). To be run by with-postgres.sh.
# Before that, STORMS (1000) storms of a connector on SQLite, and a tenth of them on PostgreSQL: each with another seed.
# TOMCAT_TARGETS (100000) says how many paths a real Tomcat reads each time. `make fuzz` is its sister for bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --tests
STORMS=${STORMS:-1000} cargo test -q --test gatehouse -- storms::
end=$(($(date +%s) + ${SOAK_MINUTES:-10} * 60))
round=0
while [ "$round" = 0 ] || [ "$(date +%s)" -lt "$end" ]; do
    round=$((round + 1))
    echo "--- round $round"
    PROPTEST_CASES=20000 cargo test -q --lib -- readings properties
    # Another seed each time: with it, a finding comes back.
    TOMCAT_SEED=$((${TOMCAT_SEED:-$(date +%s)} + round)) TOMCAT_TARGETS=${TOMCAT_TARGETS:-100000} \
        cargo test -q --test gatehouse -- tomcat::
    cargo test -q --test gatehouse -- kill first_logins hand_over websocket connections_are store:: directory:: imports::
done
echo "soak: $round rounds, nothing found"
