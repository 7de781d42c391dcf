#!/usr/bin/env bash
# Formatting, lints, all tests, and the time of each part. `test.sh lint` stops before the tests.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

times=()

# part NAME COMMAND...: runs the command and records its time under the name.
part() {
  local name=$1 start=$SECONDS
  shift
  "$@"
  times+=("$(printf '%-10s %5d s' "$name" $((SECONDS - start)))")
}

install_tools() {
  need curl curl
  need jq jq
  need strace strace
  need faketime faketime
  # For power cuts, full disks and cut networks. The tests are skipped where these cannot be simulated.
  [ "$(id -u)" != 0 ] || { need xfs_io xfsprogs && need mkfs.ext4 e2fsprogs && need ip iproute2; }
  need_python_tools
  need_node_tools
  need_client_tools
  need pdftotext poppler-utils
  need_postgres
  need haproxy haproxy
  need_browser
}

formatting() {
  cargo fmt --all -- --check || die "The code is not formatted: run make fmt."
}

# The status of the tests is kept, so that the times are printed in any case.
tests() {
  local runner=(cargo test)
  ! cargo nextest --version >/dev/null 2>&1 || runner=(cargo nextest run)
  status=0
  "${runner[@]}" --locked --workspace --all-features 2>&1 | tee target/test.log || status=$?
}

need_rust
part formatting formatting
part clippy cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
[ "${1:-}" != lint ] || exit 0
rm -rf target/torture
part tools install_tools
# Services and tests in one build: apart, each would be built with its own features of the same libraries. The services belong
# to it, because tests start the real binaries, and the test runner alone does not build all of them.
part compile cargo build --locked --workspace --all-features --all-targets
part tests tests

printf '\nTime of each part:\n'
printf '  %s\n' "${times[@]}"
# The last lines are the summary of the test runner.
grep -nE '^ *Summary |^test result:' target/test.log | tail -n 1 | cut -d: -f2- || true
exit "$status"
