# A machine on which the gateway is installed by hand, as docs/deploy.md says.
ARG RUNTIME_BASE=debian:12-slim
FROM ${RUNTIME_BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends systemd systemd-sysv dbus curl openssl \
        libxmlsec1-openssl libgssapi-krb5-2 ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
# systemd gives services their credentials by mounts, which have to be seen below it.
CMD ["/bin/sh", "-c", "mount --make-rshared / && exec /sbin/init"]
