#!/usr/bin/env bash
# podman.sh ARGUMENTS...: Podman with settings that also work where containers are nested, limits are low, or cgroups are mixed.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

settings=$here/target/image/containers.conf
if [ ! -f "$settings" ]; then
    mkdir -p "${settings%/*}"
    # Several may begin at once; each finds it whole.
    cat >"$settings.$$" <<'END'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
END
    mv "$settings.$$" "$settings"
fi
export CONTAINERS_CONF=$settings
exec podman "$@"
