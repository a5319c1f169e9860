#!/usr/bin/env bash
# Serves the identity provider in the foreground: start.sh DIRECTORY PORT IDP_URL LOGIN_URL
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export IDP_DIR=$1 IDP_URL=$3 LOGIN_URL=$4 SIMPLESAMLPHP_CONFIG_DIR=$here PHP_CLI_SERVER_WORKERS=4
mkdir -p "$IDP_DIR"/{cert,log,data,tmp,docroot}
if [ ! -f "$IDP_DIR/cert/idp.crt" ]; then
    openssl req -x509 -newkey rsa:2048 -sha256 -days 3650 -nodes -subj /CN=demo-idp \
        -keyout "$IDP_DIR/cert/idp.pem" -out "$IDP_DIR/cert/idp.crt" 2>/dev/null
fi
ln -sfn /usr/share/simplesamlphp/www "$IDP_DIR/docroot/simplesamlphp"
exec php -d display_errors=stderr -S "127.0.0.1:$2" -t "$IDP_DIR/docroot"
