#!/bin/sh
# The pure crates decide; they have no clock, no I/O and no async runtime. Two checks hold them to it: none of their
# dependencies is a runtime or a client, and they build for a target that has no operating system under it.
set -eu
cd "$(dirname "$0")/.."

pure="hedgerow-wire hedgerow-policies hedgerow-audit hedgerow-canary hedgerow-pages hedgerow-measures hedgerow-exports hedgerow-traces hedgerow-alarms hedgerow-models"
impure='^(tokio|mio|socket2|rdkafka|reqwest|hyper|axum|async-std|smol) '

for crate in $pure; do
    found=$(cargo tree --locked --package "$crate" --edges normal --prefix none | grep -E "$impure" || true)
    if [ -n "$found" ]; then
        echo "$crate is to be pure, but depends on:" >&2
        echo "$found" >&2
        exit 1
    fi
done

if rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null | xargs test -d; then
    for crate in $pure; do
        cargo build --locked --quiet --package "$crate" --target wasm32-unknown-unknown
    done
    echo "pure: $pure (dependencies, wasm32)"
else
    echo "pure: $pure (dependencies only: the wasm32 target is not installed, \`rustup target add wasm32-unknown-unknown\`)"
fi
