#!/usr/bin/env bash
# Builds both services, starts them with the sample venues, stops both at Ctrl-C.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_rust
need curl curl
cargo build --release --locked -p reservation -p notifier
# Both services use the same secrets.
export RESERVATION_SECRETS_DIR=$secrets NOTIFIER_SECRETS_DIR=$secrets
# Each service finds the other one at the address where it listens.
export RESERVATION_URL=$reservation_url NOTIFIER_URL=$notifier_url

for url in "$reservation_url" "$notifier_url"; do
  ! curl -sS -o /dev/null --max-time 2 "$url/readyz" 2>/dev/null ||
    die "Something already serves $url: stop it, or choose other addresses with RESERVATION_LISTEN and NOTIFIER_LISTEN."
done

# Directories of earlier versions could be open to other users, which the services refuse.
for dir in "${RESERVATION_DATA_DIR:-data/reservation}" "${NOTIFIER_DATA_DIR:-data/notifier}" "$secrets"; do
  [ ! -d "$dir" ] || chmod -R go= "$dir"
done

# Each service has its own session, so that Ctrl-C reaches only this script, which then stops both in order.
pids=()
stop() {
  trap - INT TERM EXIT
  # The notifier, which started last, stops first.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  printf '%sBoth services have stopped.%s\n' "$dim" "$plain"
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

setsid target/release/reservation &
pids+=($!)
wait_ready reservation "$reservation_url" "${pids[0]}"
setsid target/release/notifier &
pids+=($!)
wait_ready notifier "$notifier_url" "${pids[1]}"

# The first owner signs up with a link that is valid for 15 minutes; nothing if an owner has an account.
sign_up=$(target/release/reservation access sign-up-link --listen "${reservation_url#http://}")

cat <<TXT

${bold}Meja is ready.${plain}
  reservation  $reservation_url        ${dim}API: $reservation_url/docs${plain}
  notifier     $notifier_url        ${dim}API: $notifier_url/docs${plain}
  mail         $outbox/        ${dim}one .eml file per mail${plain}
  your key     $secrets/owner.header        ${dim}present it with curl -H @$secrets/owner.header${plain}
${sign_up:+  sign up      $sign_up
               ${dim}your account as the owner: the link can be used once, for 15 minutes${plain}
}
${bold}Try this in another terminal:${plain}

  curl -s $reservation_url/api/reservations -H 'content-type: application/json' -d '{
    "customer_id": "cust-42", "party_size": 6, "start_time": "$(date -d '+7 days' +%F)T19:30",
    "contact_info": {"name": "Rini Hartati", "phone": "0857 1234 5678", "email": "rini@example.com"}}'

  ls $outbox                                ${dim}# the messages to the guest, with the links to pay and to cancel${plain}
  curl -s -H @$secrets/owner.header $reservation_url/events     ${dim}# the events, as they are stored${plain}
  curl -s -H @$secrets/owner.header $reservation_url/api/reservations/<reservation_id>/history

  make demo                                              ${dim}# a longer tour that runs by itself${plain}

Ctrl-C stops both.
TXT

# When one service ends, the other is stopped.
wait -n "${pids[@]}" && code=0 || code=$?
ended=notifier
kill -0 "${pids[1]}" 2>/dev/null && ended=reservation
die "The $ended service has ended with exit code $code. Stopping the other."
