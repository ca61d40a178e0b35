#!/bin/sh
# Starts the vendor, asks about payments, and stops the vendor. What follows goes to `hedgerow demo`: --requests, --rate, --json.
set -eu
here=$(dirname "$0")
hedgerow=${HEDGEROW:-${CARGO_TARGET_DIR:-target}/release/hedgerow}
said=$(mktemp)
python3 "$here/vendor.py" > "$said" &
vendor=$!
trap 'kill $vendor 2>/dev/null; rm -f "$said"' EXIT
while [ ! -s "$said" ]; do
    kill -0 $vendor 2>/dev/null || { echo "the vendor does not start: is something else on port 8700?" >&2; exit 1; }
    sleep 0.1
done
"$hedgerow" demo --policy "$here/fraud.yaml" --inputs "$here/payments.jsonl" "$@"
