#!/usr/bin/env bash
# Injects faults into the release binaries. MEJA_TORTURE is the percentage of the full length, by default 100.
# `torture.sh power` runs the campaigns whose name contains "power".
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_rust
need strace strace
need xfs_io xfsprogs
need mkfs.ext4 e2fsprogs
need ip iproute2
need_python_tools
need_browser
need_postgres
need_cluster
# Services and tests in one build, as in test.sh.
cargo build --release --locked --workspace --all-features --all-targets
rm -rf target/torture
export MEJA_TORTURE=${MEJA_TORTURE:-100}
began=$SECONDS
status=0
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --release --locked --workspace --all-features --profile torture -E "test(/torture::.*${1:-}/)" || status=$?
else
  # Without nextest the campaigns run one after the other and print nothing while they run.
  cargo test --release --locked --workspace --all-features --test it -- --test-threads 1 "torture::${1:-}" || status=$?
fi
printf '\n%sCompleted campaigns, in %d s:%s\n' "$bold" $((SECONDS - began)) "$plain"
sort target/torture/report 2>/dev/null || true
if [ -s target/torture/skipped ]; then
  printf '\n%d skipped:\n' "$(wc -l <target/torture/skipped)"
  sort target/torture/skipped
fi
exit $status
