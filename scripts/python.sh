#!/usr/bin/env bash
# Puts Python libraries into an environment: those that tests ask as independent witnesses into target/python, or others as said:
# python.sh REQUIREMENTS PLACE. Quick when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=${1:-tests/peers/requirements.txt}
venv=${2:-target/python}
mkdir -p target
exec 9>"$venv.lock"
flock 9
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$wanted"
    cp "$wanted" "$venv/requirements.txt"
fi
