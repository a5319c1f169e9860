#!/usr/bin/env bash
# Installs what building and testing need. Quick when nothing is missing; without root it says what is.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    # Building: samael binds to xmlsec, libgssapi to MIT Kerberos.
    build-essential pkg-config cmake clang libclang-dev
    libxmlsec1-dev libxml2-dev libxslt1-dev libssl-dev libkrb5-dev
    # Tests: a database, a KDC and its client, generators of SAML responses, a witness of system calls.
    postgresql krb5-kdc krb5-admin-server krb5-user curl
    python3 python3-venv python3-lxml python3-cryptography openssl strace
    # Tests: a load balancer, an application behind TLS, proxies that ask the gateway.
    haproxy nginx-light caddy
    # Tests: a Tomcat, and the clients that Atlassian's applications have.
    libtomcat10-java default-jdk-headless git git-lfs python3-requests-kerberos ca-certificates
    # Demo and tests: an identity provider, and a browser.
    simplesamlphp php-cli php-xml php-mbstring php-curl php-sqlite3 chromium chromium-driver
    # What is in deploy/: containers, a base image for them, units, alert rules.
    podman runc catatonit netavark aardvark-dns iptables mmdebstrap systemd prometheus
)

# Tests: a client of a Crowd server for Node, and what checks the fake clouds, if no other Node is there.
command -v npm >/dev/null || packages+=(nodejs npm)

# What is only needed to measure: setup.sh bench
if [ "${1:-}" = bench ]; then
    packages+=(apache2-bin wrk valgrind python3-gssapi)
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "setup: these packages are missing: ${missing[*]}" >&2
        echo "setup: run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    echo "setup: installing ${missing[*]}"
    # The tests start a PostgreSQL of their own; no package shall start anything.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap 'rm -f $policy' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! command -v cargo >/dev/null; then
    echo "setup: Rust $wanted or later is missing: get it from https://rustup.rs" >&2
    exit 1
fi
found=$(cargo --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "setup: Rust $found is too old, $wanted is needed: run 'rustup update stable'" >&2
    exit 1
fi
