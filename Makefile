# What can be done with a checkout. `make` alone lists it.

.PHONY: help setup build test lint

help:
	@echo "make setup   install what building and testing need (Debian, as root), or say what is missing"
	@echo "make build   build the gateway"
	@echo "make test    run every test, on SQLite and on a private PostgreSQL"
	@echo "make lint    formatting, clippy, documentation, shell scripts"

setup:
	@scripts/setup.sh

build: setup
	cargo build --release

test: setup
	scripts/with-postgres.sh cargo test

lint: setup
	@cargo fmt --check
	@cargo clippy -q --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc -q --no-deps
	@for script in scripts/*.sh .ci/run; do bash -n $$script || exit 1; done
