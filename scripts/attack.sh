#!/usr/bin/env bash
# Attacks the release build, on this machine only, and prints the result of each attack.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
need_rust
need_python_tools
cargo build --release --locked --workspace --all-features
export MEJA_ATTACK=full
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --release --locked -p meja --all-features --profile torture --no-capture -E 'test(/^attack::/)'
else
  cargo test --release --locked -p meja --all-features --test it -- --nocapture attack::
fi
