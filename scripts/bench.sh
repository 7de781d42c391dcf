#!/usr/bin/env bash
# Measures; every ratio is of two figures from one run. BENCH_SECONDS=5 BENCH_ROUNDS=3 BENCH_MILLION=1
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

seconds=${BENCH_SECONDS:-5}
rounds=${BENCH_ROUNDS:-3}
need_rust
need curl curl
need wrk wrk
need jq jq
cargo build --release --locked --quiet -p reservation
cargo build --release --locked --quiet -p chassis --example echo
cargo build --release --locked --quiet -p events --features store --example fill

work=$(mktemp -d)
pids=()
stop() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
port=18100
base=http://127.0.0.1:$port
echo=http://127.0.0.1:$((port + 1))

start_reservation() { # DATA_DIR
  target/release/reservation --listen 127.0.0.1:$port --data-dir "$1" --log warn &
  pids+=($!)
  reservation=$!
  wait_ready reservation $base $reservation
}
stop_reservation() { kill -TERM $reservation && wait $reservation || true; }

per_second() { awk '/Requests\/sec/ {printf "%d", $2}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
metric() { curl -s $base/metrics | awk -v name="$1" '$1 == name {print $2}'; }

printf '%s\n' "$(nproc) cores, $(uname -sr), $(df --output=fstype "$work" | tail -1), shared with the load generator"
printf '%s rounds of %s s, medians\n\n' "$rounds" "$seconds"

start_reservation "$work/post"
target/release/examples/echo 127.0.0.1:$((port + 1)) &
pids+=($!)
until curl -so /dev/null $echo/fixed; do sleep 0.05; done
for connections in 64 256; do
  : >"$work/durable" && : >"$work/plain" && : >"$work/ratio"
  for _ in $(seq "$rounds"); do
    durable=$(wrk -t1 -c$connections -d"${seconds}s" -s benches/book.lua $base/api/reservations | tee "$work/wrk" | per_second)
    ! grep -q 'Non-2xx' "$work/wrk" || die "Some bookings were refused: $(cat "$work/wrk")"
    plain=$(wrk -t1 -c$connections -d"${seconds}s" -s benches/book.lua $echo/echo | per_second)
    printf '%s\n' "$durable" >>"$work/durable" && printf '%s\n' "$plain" >>"$work/plain"
    ratio "$durable" "$plain" >>"$work/ratio" && echo >>"$work/ratio"
  done
  printf 'durable POST /api/reservations, %3d connections  %7d /s\n' $connections "$(median <"$work/durable")"
  printf 'the same server without the log                  %7d /s\n' "$(median <"$work/plain")"
  printf 'ratio                                            %7s\n\n' "$(median <"$work/ratio")"
done
groups=$(metric meja_log_group_events_count)
printf 'events in a group on average                     %7s\n\n' "$(ratio "$(metric meja_log_group_events_sum)" "$groups")"

page=$(curl -s "$base/events?limit=1000" | wc -c)
kill -TERM "${pids[1]}" && wait "${pids[1]}" || true
target/release/examples/echo 127.0.0.1:$((port + 1)) "$page" &
pids+=($!)
until curl -so /dev/null $echo/fixed; do sleep 0.05; done
: >"$work/feed" && : >"$work/fixed"
for _ in $(seq "$rounds"); do
  wrk -t1 -c8 -d"${seconds}s" "$base/events?limit=1000" | per_second >>"$work/feed" && echo >>"$work/feed"
  wrk -t1 -c8 -d"${seconds}s" $echo/fixed | per_second >>"$work/fixed" && echo >>"$work/fixed"
done
feed=$(median <"$work/feed") fixed=$(median <"$work/fixed")
printf 'feed pages of 1,000 events (%d bytes)        %7d /s  %6d MB/s\n' "$page" "$feed" $((feed * page / 1000000))
printf 'a static body of that size                       %7d /s  %6d MB/s\n' "$fixed" $((fixed * page / 1000000))
printf 'ratio                                            %7s\n\n' "$(ratio "$feed" "$fixed")"
stop_reservation

if [ "${BENCH_MILLION:-1}" = 1 ]; then
  target/release/examples/fill "$work/million" 1000000
  began=$(date +%s%N)
  start_reservation "$work/million"
  printf 'start-up on %s events, until ready          %7s s\n' "$(metric meja_log_head_position)" "$(ratio $(($(date +%s%N) - began)) 1000000000)"
  printf 'resident memory then                             %7d MB\n' $(($(awk '/VmRSS/ {print $2}' /proc/$reservation/status) / 1024))
fi
