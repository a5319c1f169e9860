#!/usr/bin/env bash
# Puts what judges the fake clouds into target: the vendors' libraries for Python, and Prism for Node. Quick when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/python.sh tests/clouds/requirements.txt target/judges

place=target/prism
exec 9>"$place.lock"
flock 9
if ! cmp -s tests/clouds/package-lock.json "$place/installed"; then
    mkdir -p "$place"
    cp tests/clouds/package.json tests/clouds/package-lock.json "$place"
    npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$place"
    cp tests/clouds/package-lock.json "$place/installed"
fi
