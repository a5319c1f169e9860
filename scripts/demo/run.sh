#!/usr/bin/env bash
# The demo, by hand: starts everything, says what to try, and ends everything with Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/demo/start.sh

start_all
cat <<EOF

Gatehouse is running, in front of three applications.

  $JIRA/    a "Jira"          $WIKI/    a "wiki"
  $DJANGO/   a Django application that knows people by Crowd only
  $LOGIN/   where people sign in

In a browser: trust the demo's certificate authority first, .demo/ca.pem
  Chromium   Settings > Privacy and security > Security > Manage certificates > Authorities > Import
  Firefox    Settings > Privacy & Security > View Certificates > Authorities > Import
or accept the warning. Then open $JIRA/browse/DEMO-1 and sign in at the demo
identity provider: alice, bob, erin or frank, with the password alice-pw and so on.

By Kerberos, in another terminal (alice, bob, carol or dave):
  export KRB5_CONFIG=$DEMO/krb5.conf KRB5CCNAME=FILE:$DEMO/ccache
  echo alice-pw | kinit alice
  curl --cacert $DEMO/ca.pem --negotiate -u : -L --location-trusted -c /tmp/jar -b /tmp/jar \\
      -H 'Accept: text/html' $JIRA/browse/DEMO-1

As an administrator:
  target/debug/gatehouse --config $DEMO/gatehouse.toml session list
  target/debug/gatehouse --config $DEMO/gatehouse.toml user show alice
  target/debug/gatehouse --config $DEMO/gatehouse.toml session end --user alice
  target/debug/gatehouse --config $DEMO/gatehouse.toml connector test entra
  target/debug/gatehouse --config $DEMO/gatehouse.toml sync entra             then with --apply
  target/debug/gatehouse --config $DEMO/gatehouse.toml app setup jira --version 10.3
  target/debug/gatehouse --config $DEMO/gatehouse.toml app test django --as alice
  curl http://127.0.0.1:9091/metrics

The cloud is a fake of Entra ID. Somebody is suspended there, or 60 people are deleted; then \`sync entra\` again:
  curl -d '[{"do": "change_user", "no": 7, "set": {"status": "SUSPENDED"}}]' -H 'Content-Type: application/json' \\
      http://127.0.0.1:$((CLOUD_PORT + 5))/graph/apply
  python3 -c 'import json; print(json.dumps([{"do": "delete_user", "no": no} for no in range(20, 80)]))' |
      curl -d @- -H 'Content-Type: application/json' http://127.0.0.1:$((CLOUD_PORT + 5))/graph/apply

Logs and data are in .demo; remove it to begin anew. Ctrl-C ends the demo.

EOF
# The log, as it is written; Ctrl-C ends it and with it everything.
trap 'exit 0' INT TERM
tail -n 0 -f "$DEMO/gatehouse.log" &
wait
