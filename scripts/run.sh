#!/usr/bin/env bash
# Builds both services, starts them with the sample venues, stops both at Ctrl-C.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_rust
need curl curl
cargo build --release --locked -p reservation -p notifier
make_token
export RESERVATION_SERVICE_TOKEN_FILE=$token_file

# Each service has its own session, so that Ctrl-C reaches only this script, which then stops both in order.
setsid target/release/reservation &
reservation=$!
setsid target/release/notifier &
notifier=$!

stop() {
  trap - INT TERM EXIT
  kill -TERM "$notifier" "$reservation" 2>/dev/null || true
  wait "$notifier" "$reservation" 2>/dev/null || true
  printf '%sBoth services have stopped.%s\n' "$dim" "$plain"
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

wait_ready reservation "$reservation_url" $reservation
wait_ready notifier "$notifier_url" $notifier

cat <<TXT

${bold}Meja is ready.${plain}
  reservation  $reservation_url        ${dim}API: $reservation_url/docs${plain}
  notifier     $notifier_url        ${dim}API: $notifier_url/docs${plain}
  mail         data/notifier/outbox/        ${dim}one .eml file per mail${plain}

${bold}Try this in another terminal:${plain}

  curl -s $reservation_url/api/reservations -H 'content-type: application/json' -d '{
    "customer_id": "cust-42", "party_size": 6, "start_time": "$(date -d '+7 days' +%F)T19:30",
    "contact_info": {"name": "Sari Wulandari", "phone": "0812 3456 7890", "email": "sari@example.com"}}'

  curl -s $reservation_url/events                 ${dim}# the events, as they are stored${plain}
  curl -s $notifier_url/api/payments           ${dim}# open checkout_url in a browser and pay${plain}
  ls data/notifier/outbox                                ${dim}# the messages to the guest${plain}
  curl -s $reservation_url/api/reservations/<reservation_id>/history

  make demo                                              ${dim}# a longer tour that runs by itself${plain}

Ctrl-C stops both.
TXT

# When one service ends, the other is stopped.
wait -n "$reservation" "$notifier" || true
die "One of the services has ended. Stopping the other."
