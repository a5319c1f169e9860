#!/usr/bin/env bash
# Makes the gateway's image of a binary that has been compiled on Debian 12: image.sh BINARY [TAG]
#
# RUNTIME_BASE names the base image. `localhost/debian:12-slim` is made here of Debian's packages if it is not there, for machines
# that reach no registry of images.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
binary=$1 tag=${2:-localhost/gatehouse:$version}
base=${RUNTIME_BASE:-debian:12-slim}
place=target/image
podman=scripts/podman.sh
mkdir -p "$place"
exec 9>"$place/lock"
flock 9

if [ "$base" = localhost/debian:12-slim ] && ! $podman image exists "$base"; then
    mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$place/debian.tar"
    $podman import -q --change 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin' "$place/debian.tar" "$base" >/dev/null
    rm "$place/debian.tar"
fi

# Symbols make it three times as large.
mkdir -p "$place/binary"
strip -o "$place/binary/gatehouse" "$binary"

before=$($podman images -q "$tag")
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
$podman build --build-context "binary=$place/binary" --build-arg "RUNTIME_BASE=$base" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" -t "$tag" . >"$place/build.log" 2>&1 ||
    { cat "$place/build.log" >&2; exit 1; }
after=$($podman images -q "$tag")
if [ -n "$before" ] && [ "$before" != "$after" ]; then $podman rmi "$before" >/dev/null 2>&1 || true; fi
echo "$tag"
