#!/usr/bin/env bash
# Builds all services, starts them with the sample venues, stops them at Ctrl-C.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_rust
need curl curl
cargo build --release --locked -p reservation -p notifier -p gateway
# All services use the same secrets.
export RESERVATION_SECRETS_DIR=$secrets NOTIFIER_SECRETS_DIR=$secrets GATEWAY_SECRETS_DIR=$secrets
# Each service finds the others at the address where they listen.
export RESERVATION_URL=$reservation_url NOTIFIER_URL=$notifier_url
export RESERVATION_GRPC_URL=$reservation_grpc_url NOTIFIER_GRPC_URL=$notifier_grpc_url
# Links in messages lead to the gateway.
export MEJA_PUBLIC_URL=${MEJA_PUBLIC_URL:-$gateway_url}

[[ "${RESERVATION_GRPC_LISTEN:-}${NOTIFIER_GRPC_LISTEN:-}" != *off* ]] ||
  die "The gateway calls the services over gRPC: give RESERVATION_GRPC_LISTEN and NOTIFIER_GRPC_LISTEN an address."

for url in "$reservation_url" "$notifier_url" "$gateway_url"; do
  ! curl -sS -o /dev/null --max-time 2 "$url/readyz" 2>/dev/null ||
    die "Something already serves $url: stop it, or choose other addresses with RESERVATION_LISTEN, NOTIFIER_LISTEN and GATEWAY_LISTEN."
done

# Directories of earlier versions could be open to other users, which the services refuse.
for dir in "${RESERVATION_DATA_DIR:-data/reservation}" "${NOTIFIER_DATA_DIR:-data/notifier}" "$secrets"; do
  [ ! -d "$dir" ] || chmod -R go= "$dir"
done

# Each service has its own session, so that Ctrl-C reaches only this script, which then stops them in order.
names=() pids=()
stop() {
  trap - INT TERM EXIT
  # The service that started last stops first.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  printf '%sAll services have stopped.%s\n' "$dim" "$plain"
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

# start NAME URL: starts a service and waits until it is ready.
start() {
  setsid "target/release/$1" &
  names+=("$1") pids+=($!)
  wait_ready "$1" "$2" "$!"
}
start reservation "$reservation_url"
start notifier "$notifier_url"
start gateway "$gateway_url"

# The first owner signs up with a link that is valid for 15 minutes; nothing if an owner has an account.
sign_up=$(target/release/reservation access sign-up-link --listen "${reservation_url#http://}") || {
  printf '%sThere is no link to sign up: if %s is lost, target/release/reservation access recover writes a new one.%s\n' \
    "$bold" "$secrets/owner.header" "$plain" >&2
  sign_up=
}

cat <<TXT

${bold}Meja is ready.${plain}
  book a table $gateway_url        ${dim}pages for guests, and everything else below one address${plain}
  the stand    $gateway_url/stand  ${dim}the screen of a host: add a device or a person first, see docs/stand.md${plain}
  reservation  $reservation_url        ${dim}API: $gateway_url/docs/reservation   gRPC: ${reservation_grpc_url#http://}${plain}
  notifier     $notifier_url        ${dim}API: $gateway_url/docs/notifier      gRPC: ${notifier_grpc_url#http://}${plain}
  mail         $outbox/        ${dim}one .eml file per mail${plain}
  your key     $secrets/owner.header        ${dim}present it with curl -H @$secrets/owner.header${plain}
${sign_up:+  sign up      $sign_up
               ${dim}your account as the owner: the link can be used once, for 15 minutes${plain}
}
${bold}Try this:${plain}

  Open $gateway_url in a browser and book a table for six: a deposit is due, and the provider is simulated.

${bold}Or in another terminal:${plain}

  curl -s $gateway_url/api/reservations -H 'content-type: application/json' -d '{
    "customer_id": "cust-42", "party_size": 6, "start_time": "$(date -d '+7 days' +%F)T19:30",
    "contact_info": {"name": "Rini Hartati", "phone": "0857 1234 5678", "email": "rini@example.com"}}'

  ls $outbox                                ${dim}# the messages to the guest, with the links to pay and to the booking${plain}
  curl -s -H @$secrets/owner.header $gateway_url/events     ${dim}# the events, as they are stored${plain}
  curl -s -H @$secrets/owner.header $gateway_url/api/reservations/<reservation_id>/history

  make demo                                              ${dim}# a longer tour that runs by itself${plain}

Ctrl-C stops all of them.
TXT

# When one service ends, the others are stopped.
wait -n "${pids[@]}" && code=0 || code=$?
for i in "${!pids[@]}"; do
  kill -0 "${pids[i]}" 2>/dev/null || die "The ${names[i]} service has ended with exit code $code. Stopping the others."
done
