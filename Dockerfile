# The gateway's image, for Docker and Podman: `make image`, or `docker build -t gatehouse .`
#
# It runs as a user who is nobody, needs no capability, and writes to nothing but what is mounted at /var/lib/gatehouse (only with
# SQLite), /run/gatehouse and /tmp. docs/deploy.md says how.

# Base images can be named otherwise, such as copies in a registry of one's own.
ARG BUILD_BASE=rust:1-bookworm
ARG RUNTIME_BASE=debian:12-slim

# Whoever has a binary already gives its directory instead: --build-context binary=target/image (`make image` does).
FROM ${BUILD_BASE} AS binary
RUN apt-get update \
    && apt-get install -y --no-install-recommends pkg-config cmake clang libclang-dev \
        libxmlsec1-dev libxml2-dev libxslt1-dev libssl-dev libkrb5-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin gatehouse \
    && strip -o /gatehouse target/release/gatehouse

FROM ${RUNTIME_BASE}
# What the gateway is linked to: xmlsec (SAML) and MIT Kerberos; and whom it trusts over TLS. A volume that is mounted at one of
# the directories belongs to the gateway's user.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libxmlsec1-openssl libgssapi-krb5-2 ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    && install -d -o 65532 -g 65532 -m 0700 /var/lib/gatehouse /run/gatehouse
COPY --from=binary /gatehouse /usr/bin/gatehouse

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Gatehouse" \
    org.opencontainers.image.description="Single sign-on gateway in front of Jira, Confluence, Bitbucket, Bamboo and Fisheye/Crucible" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

# By number: Kubernetes cannot tell whether a name is root's.
USER 65532:65532
EXPOSE 8443 9090
# There is no curl here. Kubernetes has probes of its own and ignores this; images in OCI's format, which Podman makes, leave it out.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/bin/gatehouse", "healthcheck"]
ENTRYPOINT ["/usr/bin/gatehouse"]
CMD ["serve"]
