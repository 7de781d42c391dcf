#!/usr/bin/env bash
# Runs simulated schedules of several instances on one database. MEJA_SCHEDULES is their number, MEJA_SEED the first one.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
need_rust
export MEJA_SCHEDULES=${MEJA_SCHEDULES:-1000000}
cargo test --release --locked -p events --all-features --lib -- --nocapture --test-threads 1 simulation
