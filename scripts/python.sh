#!/usr/bin/env bash
# Puts the Python libraries that tests ask as independent witnesses into target/python. Quick when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=tests/peers/requirements.txt
venv=target/python
mkdir -p target
exec 9>target/python.lock
flock 9
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$wanted"
    cp "$wanted" "$venv/requirements.txt"
fi
