#!/usr/bin/env bash
# Fuzzes both services from their descriptions, and reservation as each role, ten minutes each, on release builds.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
need_rust
need_python_tools
cargo build --release --locked --workspace --all-features
export MEJA_FUZZ_SECONDS=${MEJA_FUZZ_SECONDS:-600}
echo "Fuzzing each service and each role for $MEJA_FUZZ_SECONDS s …"
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --release --locked -p meja --all-features --profile torture -E 'test(/^fuzz::/)'
else
  cargo test --release --locked -p meja --all-features --test it -- fuzz::
fi
