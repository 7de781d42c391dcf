#!/usr/bin/env bash
# Formatting, lints, all tests. `test.sh lint` stops before the tests.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_rust
cargo fmt --all -- --check || die "Not formatted: run make fmt."
cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
[ "${1:-}" != lint ] || exit 0

need curl curl
need jq jq
need strace strace
# For power cuts and full disks, which are skipped where they cannot be staged.
[ "$(id -u)" != 0 ] || { need xfs_io xfsprogs && need mkfs.ext4 e2fsprogs; }
rm -rf target/torture
need_python_tools
# The services first: the tests of the pair start the real binaries.
cargo build --locked --workspace --all-features
if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --locked --workspace --all-features
fi
exec cargo test --locked --workspace --all-features
