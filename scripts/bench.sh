#!/usr/bin/env bash
# Measures Meja and other systems in turn. Each ratio compares two figures of the same round. Writes
# docs/performance.md from the template benches/performance.md.
#   BENCH_SECONDS=4 BENCH_ROUNDS=3   length and number of rounds
#   BENCH_EVENTS=10000000            the longest log; 0 skips the parts that need filled logs
#   bench.sh post postgres           some of: post access tree gateway postgres fastapi fastapi_plain log umadb feed follow read start growth
#                                    availability past search instances
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bench-others.sh"
cd "$root"

seconds=${BENCH_SECONDS:-4}
rounds=${BENCH_ROUNDS:-3}
events=${BENCH_EVENTS:-10000000}
all="post access tree gateway postgres fastapi fastapi_plain log umadb feed follow read start growth availability past search instances"
wanted=" ${*:-$all} "
need_rust
need curl curl
need wrk wrk
need jq jq
cargo build --release --locked --quiet -p reservation -p gateway
cargo build --release --locked --quiet -p chassis --example echo
cargo build --release --locked --quiet -p events --all-features --example fill --example append
cargo build --release --locked --quiet -p meja --example latency

mkdir -p target/bench
results=target/bench/results
# The figures of a partial run replace those of the last full run; a new clone has no results yet.
[ $# -gt 0 ] && touch "$results" || : >"$results"
work=$(mktemp -d -p target/bench)
pids=()
stop() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
port=18100
# One client measures, and the limits of clients are not what is measured.
export RESERVATION_GRPC_LISTEN=off MEJA_CONNECTIONS_PER_ADDRESS_MAX=4096 MEJA_CREDENTIAL_REQUESTS_PER_MINUTE_MAX=1000000000
base=http://127.0.0.1:$port
echo=http://127.0.0.1:$((port + 1))

# stop_pid PID: sends SIGTERM and waits for the end.
stop_pid() { kill -TERM "$1" 2>/dev/null && wait "$1" 2>/dev/null || true; }

# start_reservation DATA_DIR [PORT [OPTION...]]: also sets MEJA_KEY to the key of its owner.
start_reservation() {
  target/release/reservation --listen 127.0.0.1:"${2:-$port}" --data-dir "$1" --secrets-dir "$1-secrets" \
    --venues "${venues:-tests/venues/by-hand}" --log warn "${@:3}" &
  reservation=$!
  pids+=($reservation)
  wait_ready reservation "http://127.0.0.1:${2:-$port}" $reservation
  MEJA_KEY=$(sed 's/^.*Bearer //' "$1-secrets/owner.header")
  export MEJA_KEY
}
start_echo() { # [BYTES of the static body]
  target/release/examples/echo 127.0.0.1:$((port + 1)) "$@" &
  echo_pid=$!
  pids+=($echo_pid)
  until curl -so /dev/null $echo/fixed; do sleep 0.05; done
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
metric() { curl -s $base/metrics | awk -v name="$1" '$1 == name {print $2}'; }
result() { # KEY VALUE: records a figure and prints it
  sed -i "/^$1=/d" "$results"
  printf '%s=%s\n' "$1" "$2" >>"$results"
  printf '  %-28s %s\n' "$1" "$2"
}
want() { case "$wanted" in *" $1 "*) printf '\n%s%s%s\n' "$bold" "$1" "$plain" ;; *) return 1 ;; esac }
# book CONNECTIONS URL: bookings per second; a refused booking ends the run.
book() {
  wrk -t1 -c"$1" -d"${seconds}s" -s benches/book.lua "$2" >"$work/wrk"
  ! grep -q 'Non-2xx' "$work/wrk" || die "Some bookings were refused: $(cat "$work/wrk")"
  awk '/Requests\/sec/ {printf "%d", $2}' "$work/wrk"
}
get() { wrk -t1 -c8 -d"${seconds}s" -H "Authorization: Bearer $MEJA_KEY" "$1" | awk '/Requests\/sec/ {printf "%d", $2}'; }
# versus KEY OURS THEIRS: medians of both and of their ratios, from files with one figure per line.
versus() {
  result "$1" "$(median <"$work/ours")"
  result "$1_other" "$(median <"$work/theirs")"
  result "$1_ratio" "$(paste "$work/ours" "$work/theirs" | awk '{printf "%.2f\n", $1 / $2}' | median)"
}
fresh() { : >"$work/ours" && : >"$work/theirs"; }
note() { printf '%s\n' "$2" >>"$work/$1"; }

result machine "$(nproc) cores ($(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo)), $(awk '/MemTotal/ {printf "%d GiB", $2 / 1048576}' /proc/meminfo), shared with the load generator"
result kernel "$(uname -sr)"
result disk "$(df --output=fstype,source "$work" | tail -1 | awk '{print $1 " on " $2}')"
result rounds "$rounds rounds of $seconds s, medians"
result date "$(date -u +%F)"

if want post; then
  start_reservation "$work/post"
  start_echo
  book 64 $base/api/reservations >/dev/null # warm
  for connections in 64 256; do
    fresh
    for _ in $(seq "$rounds"); do
      note ours "$(book $connections $base/api/reservations)"
      note theirs "$(book $connections $echo/echo)"
    done
    versus post_$connections
  done
  result post_group "$(ratio "$(metric meja_log_group_events_sum)" "$(metric meja_log_group_events_count)")"
  stop_pid $reservation && stop_pid $echo_pid
fi

# lag PERCENTILE FILE: that percentile of a run of wrk --latency, in milliseconds.
lag() {
  awk -v row="$1" '$1 == row { value = $2 + 0; if ($2 ~ /us$/) value /= 1000; if ($2 ~ /[0-9]s$/ && $2 !~ /[mu]s$/) value *= 1000; printf "%.3f", value }' "$2"
}

# through WHAT VENUES PATH [OPTION of wrk...]: the same requests to the service itself and through the gateway.
through() {
  venues=$2 start_reservation "$work/gateway-$1"
  local what=$1 url=$3 door=http://127.0.0.1:$((port + 5))
  shift 3
  RESERVATION_URL=$base NOTIFIER_URL=$base GATEWAY_SECRETS_DIR=$work/gateway-$what-secrets GATEWAY_LOG=warn \
    target/release/gateway --listen "${door#http://}" &
  local gateway=$! asked=(-t1 -d"${seconds}s" -H "Authorization: Bearer $MEJA_KEY" "$@")
  pids+=($gateway)
  wait_ready gateway $door $gateway
  for at in $base $door; do wrk -c64 "${asked[@]}" "$at$url" >/dev/null; done # warm
  : >"$work/p50" && : >"$work/p99" && fresh
  for _ in $(seq "$rounds"); do
    # One connection tells what the gateway adds to a request, 64 how many it passes on.
    for at in $base $door; do wrk -c1 --latency "${asked[@]}" "$at$url" >"$work/one-${at##*:}"; done
    for row in 50 99; do
      note p$row "$(awk -v a="$(lag $row% "$work/one-$((port + 5))")" -v b="$(lag $row% "$work/one-$port")" 'BEGIN {printf "%.3f", a - b}')"
    done
    for at in $base $door; do
      wrk -c64 "${asked[@]}" "$at$url" >"$work/many"
      ! grep -q 'Non-2xx' "$work/many" || die "Some requests were refused: $(cat "$work/many")"
      note "$([ $at = $door ] && echo ours || echo theirs)" "$(awk '/Requests\/sec/ {printf "%d", $2}' "$work/many")"
    done
  done
  versus gateway_$what
  result gateway_${what}_p50_ms "$(median <"$work/p50")"
  result gateway_${what}_p99_ms "$(median <"$work/p99")"
  stop_pid $gateway && stop_pid $reservation
}

if want gateway; then
  through availability data/venues "/api/availability?venue_id=bandung-dago&party_size=2&date=$(date -u -d '+7 days' +%F)"
  through bookings tests/venues/by-hand /api/reservations -s benches/book.lua
fi

# The same binary with a key, and with open access and no credential.
if want access; then
  open_port=$((port + 4))
  start_reservation "$work/open" $open_port --access open
  opened=$reservation
  start_reservation "$work/keyed"
  without_key() { (unset MEJA_KEY && book 64 "http://127.0.0.1:$open_port/api/reservations"); }
  book 64 $base/api/reservations >/dev/null && without_key >/dev/null # warm
  fresh
  for _ in $(seq "$rounds"); do
    note ours "$(book 64 $base/api/reservations)"
    note theirs "$(without_key)"
  done
  versus access
  stop_pid $reservation && stop_pid $opened
fi

# The same binary with the signed tree of its log, and without.
if want tree; then
  plain_port=$((port + 4))
  start_reservation "$work/unsigned" $plain_port --signing off
  unsigned=$reservation unsigned_key=$MEJA_KEY
  start_reservation "$work/signed"
  without_tree() { MEJA_KEY=$unsigned_key book 64 "http://127.0.0.1:$plain_port/api/reservations"; }
  book 64 $base/api/reservations >/dev/null && without_tree >/dev/null # warm
  fresh
  for _ in $(seq "$rounds"); do
    note ours "$(book 64 $base/api/reservations)"
    note theirs "$(without_tree)"
  done
  versus tree
  stop_pid $reservation && stop_pid $unsigned
fi

# start_instance NUMBER: an instance on the log in PostgreSQL. All have the same secrets.
start_instance() {
  local at=$((port + 10 + $1))
  target/release/reservation --listen 127.0.0.1:$at --data-dir "$work/instance-$1" --secrets-dir "$work/instances-secrets" \
    --venues tests/venues/by-hand --log warn --store "postgres://bench@127.0.0.1:$pg_port/postgres" &
  pids+=($!) && instances+=($!)
  wait_ready reservation http://127.0.0.1:$at $!
}
# book_through COUNT: bookings per second through that many instances together, with 64 connections.
book_through() {
  local number running=() sum=0
  for number in $(seq "$1"); do
    (book $((64 / $1)) http://127.0.0.1:$((port + 10 + number))/api/reservations >"$work/through-$number") &
    running+=($!)
  done
  wait "${running[@]}"
  for number in $(seq "$1"); do sum=$((sum + $(cat "$work/through-$number"))); done
  echo $sum
}
if want instances; then
  if start_postgres; then
    target/release/reservation log init --store "postgres://bench@127.0.0.1:$pg_port/postgres" --secrets-dir "$work/instances-secrets" >/dev/null
    instances=()
    start_instance 1
    mkdir -p "$work/one-disk" && cp -r "$work/instances-secrets" "$work/one-disk/log-secrets"
    start_reservation "$work/one-disk/log"
    book 64 $base/api/reservations >/dev/null # warm
    for count in 1 2 3; do
      [ $count = 1 ] || start_instance $count
      book_through $count >/dev/null
      fresh
      for _ in $(seq "$rounds"); do
        note ours "$(book_through $count)"
        note theirs "$(book 64 $base/api/reservations)"
      done
      versus instances_$count
    done
    stop_pid $reservation
    one=http://127.0.0.1:$((port + 11)) other=http://127.0.0.1:$((port + 12))
    target/release/examples/latency follow $one 100 1 $other >/dev/null
    read -r count p50 p99 max < <(target/release/examples/latency follow $one 200 "$((seconds * 2))" $other)
    result instances_follow_count "$count"
    result instances_follow_p50_ms "$(ratio "$p50" 1000)"
    result instances_follow_p99_ms "$(ratio "$p99" 1000)"
    result instances_follow_max_ms "$(ratio "$max" 1000)"
    for pid in "${instances[@]}"; do stop_pid "$pid"; done
    stop_postgres
  else
    result instances_1_ratio "not measured: $missing"
  fi
fi

# Comparisons: both systems run in turn, with the same number of clients.
for other in postgres fastapi fastapi_plain; do
  if want $other; then
    if start_$other; then
      start_reservation "$work/$other-ours"
      book 64 $base/api/reservations >/dev/null
      fresh
      for _ in $(seq "$rounds"); do
        note ours "$(book 64 $base/api/reservations)"
        note theirs "$(measure_$other)"
      done
      versus $other
      stop_pid $reservation
      stop_$other
    else
      result ${other}_ratio "not measured: $missing"
    fi
  fi
done

if want log; then
  fresh
  for round in $(seq "$rounds"); do
    read -r ours theirs _ in_group < <(target/release/examples/append "$work/append-$round" 256 "$seconds")
    note ours "$ours" && note theirs "$theirs"
  done
  versus log
  result log_group "$in_group"
fi

if want umadb; then
  if start_umadb; then
    fresh
    for round in $(seq "$rounds"); do
      read -r ours _ < <(target/release/examples/append "$work/append-umadb-$round" 64 "$seconds")
      note ours "$ours"
      note theirs "$(measure_umadb)"
    done
    versus umadb
    stop_umadb
  else
    result umadb_ratio "not measured: $missing"
  fi
fi

if want feed; then
  start_reservation "$work/feed"
  book 64 $base/api/reservations >/dev/null
  page=$(curl -s -H "Authorization: Bearer $MEJA_KEY" "$base/events?limit=1000" | wc -c)
  start_echo "$page"
  fresh
  for _ in $(seq "$rounds"); do
    note ours "$(get "$base/events?limit=1000")"
    note theirs "$(get $echo/fixed)"
  done
  result feed_page_bytes "$page"
  versus feed
  result feed_mb_per_s $(($(median <"$work/ours") * page / 1000000))
  stop_pid $reservation && stop_pid $echo_pid
fi

if want follow; then
  start_reservation "$work/follow"
  target/release/examples/latency follow $base 200 1 >/dev/null
  read -r count p50 p99 max < <(target/release/examples/latency follow $base 1000 "$((seconds * 2))")
  result follow_events "$count" && result follow_p50_us "$p50" && result follow_p99_us "$p99" && result follow_max_us "$max"
  stop_pid $reservation
fi

if want read; then
  start_reservation "$work/read"
  book 64 $base/api/reservations >/dev/null
  wrk -t1 -c64 -d"$((seconds * 2 + 1))s" -s benches/book.lua $base/api/reservations >"$work/wrk" &
  writers=$!
  sleep 0.5
  read -r count p50 p99 max < <(target/release/examples/latency read $base "$((seconds * 2))")
  wait $writers
  result read_count "$count" && result read_p50_us "$p50" && result read_p99_us "$p99" && result read_max_us "$max"
  result read_while "$(awk '/Requests\/sec/ {printf "%d", $2}' "$work/wrk")"
  stop_pid $reservation
fi

# start_up KEY EVENTS: fills a log and measures the start, the memory and the space on disk.
start_up() {
  [ -d "$work/$2" ] || target/release/examples/fill "$work/$2" "$2"
  start_reservation "$work/$2"
  stop_pid $reservation
  local began
  began=$(date +%s%N)
  start_reservation "$work/$2"
  result "$1_s" "$(ratio $(($(date +%s%N) - began)) 1000000000)"
  result "$1_mb" $(($(awk '/VmRSS/ {print $2}' /proc/$reservation/status) / 1024))
  result "$1_peak_mb" $(($(awk '/VmHWM/ {print $2}' /proc/$reservation/status) / 1024))
  result "$1_disk_mb" "$(du -sm "$work/$2/log" | cut -f1)"
}

if [ "$events" != 0 ] && want start; then
  start_up start_million 1000000
  stop_pid $reservation
fi

if [ "$events" != 0 ] && want growth; then
  cpu() { awk '{print $14 + $15}' /proc/$reservation/stat; }
  for size in 10000 1000000 "$events"; do
    start_up start_$size "$size"
    book 64 $base/api/reservations >/dev/null
    : >"$work/rate" && : >"$work/cpu"
    for _ in $(seq "$rounds"); do
      before=$(metric meja_log_head_position) ticks=$(cpu)
      note rate "$(book 64 $base/api/reservations)"
      note cpu "$(awk -v t=$(($(cpu) - ticks)) -v a="$before" -v b="$(metric meja_log_head_position)" 'BEGIN {printf "%.1f", t * 10000 / (b - a)}')"
    done
    result growth_${size}_rate "$(median <"$work/rate")"
    result growth_${size}_cpu_us "$(median <"$work/cpu")"
    stop_pid $reservation
    [ "$size" = 1000000 ] || rm -rf "${work:?}/$size"
  done
  sed -i "s/_${events}_/_longest_/" "$results"
  result growth_longest "$events"
fi

# house TABLES: a venue with this number of tables of four, open all day.
house() {
  mkdir -p "$work/house-$1"
  jq -n --argjson n "$1" '{id: "bandung-dago", name: "Bench", timezone: "Asia/Jakarta", country: "ID", currency: "IDR",
    locale: "id", policy: {}, tables: [range($n) | {id: "T\(.)", area: "Dalam", seats: 4}],
    services: [{name: "All day", days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], opens: "10:00", closes: "23:00"}]}' \
    >"$work/house-$1/bandung-dago.json"
}
# offered KEY TABLES DATA_DIR: books 30 days completely, then measures availability on one of them and on the day after.
offered() {
  local day=$(date -u -d '+1 day' +%F)
  house "$2"
  venues="$work/house-$2" start_reservation "$3"
  read -r count _ p99 _ < <(target/release/examples/latency fill $base "$day" 30)
  result "$1_booked" "$count" && result "$1_book_p99_us" "$p99"
  for asked in full:15 empty:40; do
    wrk -t1 -c8 -d"${seconds}s" --latency "$base/api/availability?party_size=2&date=$(date -u -d "+${asked#*:} days" +%F)" >"$work/wrk"
    result "$1_${asked%:*}" "$(awk '/Requests\/sec/ {printf "%d", $2}' "$work/wrk")"
    result "$1_${asked%:*}_p99" "$(awk '/99%/ {print $2}' "$work/wrk")"
  done
  stop_pid $reservation
}

if want availability; then
  for tables in 10 60 200; do offered "tables_$tables" $tables "$work/tables-$tables"; done
  if [ "$events" != 0 ]; then
    for reservations in 1000 1000000; do
      target/release/examples/fill "$work/book-$reservations" $((reservations * 8))
      offered "book_$reservations" 60 "$work/book-$reservations"
      rm -rf "${work:?}/book-$reservations"
    done
  fi
fi

# The floor as it was, of a venue with 200 visits a day.
if [ "$events" != 0 ] && want past; then
  house 60
  days=$((events / 1600))
  # The rules first: before them there is no floor.
  venues="$work/house-60" start_reservation "$work/past"
  stop_pid $reservation
  target/release/examples/fill "$work/past" "$events" $days
  venues="$work/house-60" start_reservation "$work/past"
  MEJA_EVENTS=$events MEJA_DAYS=$days wrk -t1 -c1 -d"$((seconds * 5))s" --latency -s benches/past.lua $base >"$work/wrk"
  ! grep -q 'Non-2xx' "$work/wrk" || die "Some questions about the past were refused: $(cat "$work/wrk")"
  result events "$events"
  for row in 50 99; do result past_floor_p${row}_ms "$(lag $row% "$work/wrk")"; done
  stop_pid $reservation
  rm -rf "$work/past"
fi

if [ "$events" != 0 ] && want search; then
  target/release/examples/fill "$work/search" 8000000
  start_reservation "$work/search"
  began=$(date +%s%N)
  target/release/examples/latency search $base 0 >/dev/null
  result search_fill_s "$(ratio $(($(date +%s%N) - began)) 1000000000)"
  read -r count p50 p99 max < <(target/release/examples/latency search $base "$((seconds * 3))")
  result search_count "$count" && result search_p50_us "$p50" && result search_p99_us "$p99" && result search_max_us "$max"
  result search_mb $(($(awk '/VmRSS/ {print $2}' /proc/$reservation/status) / 1024))
  stop_pid $reservation
  rm -rf "$work/search"
fi

scripts/bench-render.sh "$results" benches/performance.md >docs/performance.md
printf '\nWritten to docs/performance.md.\n'
