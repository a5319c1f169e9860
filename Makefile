# What can be done with a checkout. `make` alone lists it.

.PHONY: help setup build image demo demo-check attack-target test lint bench bench-proxy bench-directory bench-crowd bench-sync soak fuzz

help:
	@printf "%-16s %s\n" "make setup" "install what building and testing need (Debian, as root), or say what is missing"
	@printf "%-16s %s\n" "make build" "build the gateway"
	@printf "%-16s %s\n" "make image" "build it, and a container image of it (Podman; RUNTIME_BASE names another base image)"
	@printf "%-16s %s\n" "make demo" "start the gateway with a KDC, an identity provider and three applications; IMAGE=1: in a container"
	@printf "%-16s %s\n" "make demo-check" "the same, unattended: log in every way and look at what the applications saw"
	@printf "%-16s %s\n" "make attack-target" "start the gateway in front of UPSTREAM=127.0.0.1:PORT, with sessions, to be attacked"
	@printf "%-16s %s\n" "make test" "run every test, on SQLite and on a private PostgreSQL"
	@printf "%-16s %s\n" "make bench" "measure the gateway beside its peers, in one run"
	@printf "%-16s %s\n" "make bench-NAME" "one of them: proxy, directory, crowd, sync"
	@printf "%-16s %s\n" "make soak" "the tests of kills and races, and 100,000 paths beside Tomcat, again and again for SOAK_MINUTES (10)"
	@printf "%-16s %s\n" "make fuzz" "feed each parser made-up bytes for FUZZ_SECONDS (60)"
	@printf "%-16s %s\n" "make lint" "formatting, clippy, documentation, shell scripts"

setup:
	@scripts/setup.sh

build: setup
	cargo build --release

image: build
	@scripts/image.sh target/release/gatehouse

demo: setup
	@scripts/python.sh demo/django/requirements.txt target/django
	@cargo build --bin gatehouse --example sample_app --example fake_clouds
	@scripts/demo/run.sh

demo-check: setup
	@scripts/python.sh demo/django/requirements.txt target/django
	@cargo build --bin gatehouse --example sample_app --example fake_clouds
	@scripts/demo/check.sh

# Its standard output is one line of JSON and nothing else.
attack-target:
	@scripts/setup.sh >&2
	@cargo build -q --bin gatehouse
	@exec scripts/attack-target.sh "$(UPSTREAM)"

test: setup
	@scripts/python.sh
	@scripts/python.sh demo/django/requirements.txt target/django
	@scripts/judges.sh
	@scripts/python.sh tests/deployment/requirements.txt target/deployment
	@scripts/python.sh tests/forward_auth/requirements.txt target/proxies
	scripts/with-postgres.sh cargo test

lint: setup
	@cargo fmt --check
	@cargo clippy -q --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc -q --no-deps
	@for script in scripts/*.sh scripts/*/*.sh demo/*/*.sh .ci/run; do bash -n $$script || exit 1; done

bench: bench-proxy bench-directory bench-crowd bench-sync

bench-proxy:
	@scripts/setup.sh bench
	@cargo build --release
	@scripts/bench/proxy.sh

bench-directory: setup
	@scripts/with-postgres.sh cargo bench -q --bench directory

bench-sync: setup
	@cargo build -q --release --example fake_clouds
	@scripts/with-postgres.sh cargo bench -q --bench sync

bench-crowd: setup
	@cargo bench -q --bench crowd

soak: setup
	scripts/with-postgres.sh scripts/soak.sh

fuzz: setup
	scripts/fuzz.sh
