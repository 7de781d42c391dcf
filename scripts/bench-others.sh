# Starts the systems that `make bench` compares with, on the same machine. Sourced by bench.sh.
# Each start_… fails if its system cannot be started, and sets `missing` to the reason.

missing=''

start_postgres() {
  local bin
  bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
  if [ -z "$bin" ]; then (need pg_ctlcluster postgresql) >/dev/null 2>&1 || true; fi
  bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
  [ -n "$bin" ] || { missing='PostgreSQL is not installed and could not be installed' && return 1; }
  pg_bin=$bin pg_port=$((port + 2))
  # PostgreSQL refuses to run as root.
  pg_dir=$(mktemp -d /tmp/meja-bench-postgres-XXXXXX)
  if [ "$(id -u)" = 0 ]; then chown postgres "$pg_dir" && pg_as='runuser -u postgres --'; else pg_as=''; fi
  $pg_as "$pg_bin/initdb" -D "$pg_dir/data" --locale=C -A trust -U bench >/dev/null 2>&1 || { missing='initdb failed' && return 1; }
  $pg_as "$pg_bin/pg_ctl" -D "$pg_dir/data" -w -l "$pg_dir/log" \
    -o "-c listen_addresses=127.0.0.1 -p $pg_port -k $pg_dir -c max_connections=100 -c synchronous_commit=on" start >/dev/null 2>&1 ||
    { missing='PostgreSQL did not start' && return 1; }
  psql -qh 127.0.0.1 -p $pg_port -U bench postgres -c 'CREATE TABLE reservations (id uuid PRIMARY KEY, body jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())'
}
measure_postgres() {
  "$pg_bin/pgbench" -n -h 127.0.0.1 -p $pg_port -U bench -c 64 -j 2 -T "$seconds" -f benches/insert.sql postgres 2>/dev/null |
    awk '/^tps/ {printf "%d", $3}'
}
stop_postgres() {
  $pg_as "$pg_bin/pg_ctl" -D "$pg_dir/data" -m fast stop >/dev/null 2>&1 || true
  rm -rf "$pg_dir"
}

# start_fastapi [OPTIONS of uvicorn]: by default in the fastest configuration, with uvloop and httptools.
start_fastapi() {
  local python=target/tools/python-bench
  if [ ! -e "$python/installed" ]; then
    need python3 python3
    mkdir -p target/tools
    { python3 -m venv "$python" && "$python/bin/pip" install --quiet --disable-pip-version-check 'fastapi==0.115.*' 'uvicorn[standard]==0.34.*' && touch "$python/installed"; } >/dev/null 2>&1 ||
      { missing='FastAPI could not be installed' && return 1; }
  fi
  "$python/bin/uvicorn" --app-dir benches --host 127.0.0.1 --port $((port + 3)) --workers 1 --log-level error --no-access-log "$@" reservations:app &
  fastapi_pid=$!
  pids+=($fastapi_pid)
  until curl -so /dev/null http://127.0.0.1:$((port + 3))/docs; do sleep 0.1; done
}
measure_fastapi() { book 64 http://127.0.0.1:$((port + 3))/api/reservations; }
stop_fastapi() { stop_pid $fastapi_pid; }

# The configuration after `pip install fastapi uvicorn`.
start_fastapi_plain() { start_fastapi --loop asyncio --http h11; }
measure_fastapi_plain() { measure_fastapi; }
stop_fastapi_plain() { stop_fastapi; }

start_umadb() {
  local tools=target/tools
  if [ ! -x $tools/umadb/bin/umadb ]; then
    # The build of UmaDB compiles protocol buffers.
    (need protoc protobuf-compiler) >/dev/null 2>&1 || { missing='protoc could not be installed' && return 1; }
    cargo install --quiet umadb --root $tools/umadb --target-dir $tools/umadb-build || { missing='UmaDB did not build' && return 1; }
  fi
  (cd benches/umadb && cargo build --quiet --release --locked --target-dir "$root/$tools/umadb-bench") || { missing='the client of UmaDB did not build' && return 1; }
  mkdir -p "$work/umadb"
  $tools/umadb/bin/umadb --listen 127.0.0.1:$((port + 4)) --db-path "$work/umadb" >/dev/null 2>&1 &
  umadb_pid=$!
  pids+=($umadb_pid)
  sleep 1
  kill -0 $umadb_pid 2>/dev/null || { missing='UmaDB did not start' && return 1; }
}
# The events are as large as those of a booking.
measure_umadb() { target/tools/umadb-bench/release/umadb-bench http://127.0.0.1:$((port + 4)) 64 "$seconds" 900; }
stop_umadb() { stop_pid $umadb_pid; }
