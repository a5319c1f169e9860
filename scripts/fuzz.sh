#!/usr/bin/env bash
# Fuzzes each target, or the named ones, for FUZZ_SECONDS (60). What libFuzzer finds interesting goes to
# fuzz/target/corpus/NAME, and an input that breaks something to fuzz/artifacts/NAME. `fuzz.sh --keep` makes a
# small corpus of both, to be committed.
#
# cargo-fuzz wants a nightly compiler, for sanitizers. Coverage alone, which libFuzzer lives by, the stable
# one can do: it is a pass of LLVM.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cdebug-assertions
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# With a target named, build scripts and macros are left as they are.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build -q --bins --target "$host"

keep=no
if [ "${1:-}" = --keep ]; then
    keep=yes
    shift
fi
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=($(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' Cargo.toml))

for target in "${targets[@]}"; do
    found=target/corpus/$target
    mkdir -p "$found" "artifacts/$target" "corpus/$target"
    run=("target/$host/debug/$target" -max_len=512 -artifact_prefix="artifacts/$target/")
    if [ $keep = yes ]; then
        rm -rf target/merged
        mkdir target/merged
        "${run[@]}" -set_cover_merge=1 -use_counters=0 target/merged "corpus/$target" "$found" 2>&1 | tail -n 1
        rm -rf "corpus/$target"
        mv target/merged "corpus/$target"
    else
        echo "--- $target"
        "${run[@]}" -max_total_time="${FUZZ_SECONDS:-60}" -print_final_stats=1 "$found" "corpus/$target" 2>&1 |
            grep -E '^stat::number_of_executed|^stat::new_units|panicked|ERROR|Test unit' || true
        if [ -n "$(ls -A "artifacts/$target")" ]; then
            echo "fuzz: an input in fuzz/artifacts/$target breaks it; put it into fuzz/corpus/$target" >&2
            exit 1
        fi
    fi
done
