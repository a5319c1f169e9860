# The servers that the gateway is compared with. To be sourced by ../proxy.sh.
# shellcheck shell=bash disable=SC2034

# nginx_at PORT NAME CORE: an nginx with the configuration on standard input, one worker.
nginx_at() {
    {
        echo "worker_processes 1; daemon off; pid $DEMO/$2.pid; error_log $DEMO/$2.log;"
        echo "worker_rlimit_nofile $(ulimit -n); events { worker_connections 19000; }"
        echo "http { access_log off; keepalive_requests 1000000; client_body_temp_path $DEMO/t; proxy_temp_path $DEMO/t;"
        echo "fastcgi_temp_path $DEMO/t; uwsgi_temp_path $DEMO/t; scgi_temp_path $DEMO/t; client_max_body_size 0;"
        echo "server { listen 127.0.0.1:$1 backlog=4096;"
        cat
        echo "} upstream files { server 127.0.0.1:18480; keepalive 256; } upstream allowed { server 127.0.0.1:18487; keepalive 256; } }"
    } >"$DEMO/$2.conf"
    taskset -c "$3" nginx -c "$DEMO/$2.conf" &
}

start_upstreams() {
    nginx_at 18480 upstream 1 <<<"root $DEMO/www;
        location /up { proxy_pass http://127.0.0.1:18489; proxy_http_version 1.1; proxy_request_buffering off; }"
    taskset -c 1 $PYTHON scripts/bench/proxy/sink.py 18489 &
    taskset -c 1 $PYTHON scripts/bench/proxy/echo.py 18488 &
    # What says yes to everybody; that it does is not counted.
    nginx_at 18487 allowed 1 <<<"location / { return 204; }"
}

start_peers() {
    local pass='proxy_pass http://files; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $http_host; proxy_request_buffering off;'
    nginx_at 18481 nginx 0 <<<"location / { $pass }"
    NGINX=$!
    nginx_at 18484 auth_request 0 <<<"location / { auth_request /ask; auth_request_set \$user \$upstream_http_x_user;
        proxy_set_header X-User \$user; $pass }
        location = /ask { internal; proxy_pass http://allowed; proxy_http_version 1.1; proxy_pass_request_body off;
        proxy_set_header Content-Length \"\"; proxy_set_header Connection \"\"; }"
    AUTH_REQUEST=$!
    cat >"$DEMO/haproxy.cfg" <<EOF
global
    nbthread 1
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-request 30s
    option forwardfor
frontend in
    bind 127.0.0.1:18485
    default_backend files
backend files
    http-reuse always
    server one 127.0.0.1:18480
EOF
    taskset -c 0 haproxy -db -f "$DEMO/haproxy.cfg" >"$DEMO/haproxy.log" 2>&1 &
    HAPROXY=$!
    {
        echo "ServerRoot $DEMO"
        echo "Listen 127.0.0.1:18486"
        local module
        for module in mpm_event authz_core proxy proxy_http; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        echo "PidFile $DEMO/apache.pid
ErrorLog $DEMO/apache.log
MaxKeepAliveRequests 0
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:18480/ keepalive=On
ServerName localhost
User nobody
Group nogroup"
    } >"$DEMO/apache.conf"
    taskset -c 0 apache2 -f "$DEMO/apache.conf" -DFOREGROUND &
    APACHE=$!
}
