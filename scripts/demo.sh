#!/usr/bin/env bash
# A tour of the running services: books, pays, seats, cancels, and reads the audit trail. The services keep running.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need curl curl
need jq jq
curl -fsS -o /dev/null "$reservation_url/readyz" 2>/dev/null || die "No reservation service at $reservation_url: start the services with make run in another terminal."
[ -x target/release/notifier ] || die "target/release/notifier is not built: make run does that."
curl -fsS -o /dev/null "$notifier_url/readyz" 2>/dev/null || die "No notifier at $notifier_url: start the services with make run in another terminal."

# The binary of the running service, for the commands of an operator.
notifier() {
  NOTIFIER_SECRETS_DIR=$secrets NOTIFIER_LISTEN=${notifier_url#http://} MEJA_PUBLIC_URL=$gateway_url \
    RESERVATION_URL=$reservation_url target/release/notifier "$@"
}

[ -r "$secrets/owner.header" ] || die "No key in $secrets/owner.header: make run writes it there. Name another directory with RESERVATION_SECRETS_DIR."
# What staff do, and what operators do.
owner=(-H "@$secrets/owner.header")

# Other guests in each run, because a guest has one booking at a time.
run=$(printf '%04d' $((RANDOM % 10000)))

step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
if [ -n "$green" ]; then colour=-C; else colour=-M; fi
show() { jq "$colour" "$@"; }

# post PATH BODY [CURL OPTION...]: prints the request and returns the response; a refusal ends the tour.
post() {
  printf '%s  POST %s %s%s\n' "$blue" "$1" "$(jq -c . <<<"$2")" "$plain" >&2
  local answer
  answer=$(curl -sS --fail-with-body "$reservation_url$1" "${@:3}" -H 'content-type: application/json' -H "idempotency-key: $(cat /proc/sys/kernel/random/uuid)" -d "$2") ||
    die "The service refused the request: $answer"
  printf '%s' "$answer"
}

# refused PATH: prints the request and returns the response, which must be 409.
refused() {
  printf '%s  POST %s%s\n' "$blue" "$1" "$plain" >&2
  local answer
  answer=$(curl -sS "${owner[@]}" "$reservation_url$1" -H 'content-type: application/json' -d '{}')
  [ "$(jq -r .status <<<"$answer")" = 409 ] || die "The service did not refuse the request: $answer"
  printf '%s' "$answer"
}

# until_true WHAT COMMAND...: waits until the command succeeds.
until_true() {
  local what=$1 deadline=$((SECONDS + 20))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || die "Waited 20 s for $what."
    sleep 0.1
  done
  printf '%s  ✓ %s%s\n' "$green" "$what" "$plain"
}

status_is() { [ "$(curl -s "${owner[@]}" "$reservation_url/api/reservations/$1" | jq -r .status)" = "$2" ]; }
told() { curl -s "${owner[@]}" "$reservation_url/api/reservations/$1/history" | jq -e --arg note "$2" '.entries[] | select(.note | contains($note))'; }
payment_of() { curl -s "${owner[@]}" "$notifier_url/api/payments?reservation_id=$1" | jq -re '.items[0].checkout_url'; }
# prove PATH CREDENTIAL: gives the proof that the mail contains, as the guest does by the button on the page.
prove() {
  local proof
  proof=$(curl -s "${owner[@]}" "$reservation_url/api/$1/contact" | jq -re .proof.proof) || die "$1 waits for no proof."
  post "/api/$1/prove-contact" "{\"proof\": \"$proof\"}" -H "$2" >/dev/null
}
# pay_link RESERVATION: the link to pay, as the mail contains it. Only the guest and the notifier get it.
pay_link() {
  printf '%s/%s' "$(payment_of "$1")" \
    "$(curl -s "${owner[@]}" "$reservation_url/api/reservations/$1/contact" | jq -re '.pay_links[0].token')"
}
# as_guest RESPONSE: the option of curl that presents the link of the guest, from the response to the booking.
as_guest() { printf 'authorization: Bearer %s' "$(jq -r .guest_link.token <<<"$1")"; }

# slot VENUE SIZE FROM: the first time at or after FROM (HH:MM) that can be booked, on the first such day from a week
# ahead. A restaurant can be closed or full on a day.
slot() {
  local ahead day
  for ahead in $(seq 7 36); do
    day=$(date -d "+$ahead days" +%F)
    curl -sS "$reservation_url/api/availability?venue_id=$1&date=$day&party_size=$2" |
      jq -re --arg from "$3" '[.slots[]? | select(.available and .start_time[11:16] >= $from)][0].start_time // empty' && return
  done
  die "Nothing is free at $1 for $2 guests from $3 on between 7 and 36 days ahead."
}

step "1. Six friends book a table in Bandung. A party of six pays a deposit, so the booking is a hold."
evening=$(slot bandung-dago 6 19:30)
created=$(post /api/reservations "{\"customer_id\": \"cust-61\", \"venue_id\": \"bandung-dago\", \"party_size\": 6, \"start_time\": \"$evening\",
  \"contact_info\": {\"name\": \"Sari Wulandari\", \"phone\": \"0812 3456 $run\", \"email\": \"sari-$run@example.com\"},
  \"special_requests\": \"Ulang tahun, ada kue\", \"payment_channel\": \"qris\"}")
id=$(jq -r .reservation_id <<<"$created")
show '{reservation_id, status, start_time, party_size, tables: [.tables[].table_id], deposit}' <<<"$created"

step "2. The notifier reads the event in the feed, opens a payment and sends Sari a mail."
until_true "a payment is open" payment_of "$id"
until_true "the mail with the link was sent" told "$id" deposit_due
checkout=$(pay_link "$id")
printf '  %s\n' "$checkout"

step "3. Sari pays on the checkout page. The notifier reports the result, and the reservation is confirmed."
curl -sS -o /dev/null -X POST "$checkout/pay"
until_true "CONFIRMED" status_is "$id" CONFIRMED
until_true "the mail with the calendar file was sent" told "$id" "by mail: confirmed"

step "4. The restaurant moves the visit. That never makes the deadline of free cancellation earlier. Before the day of the visit the party cannot check in."
later=$(slot bandung-dago 6 20:30)
post "/api/reservations/$id/reschedule" "{\"start_time\": \"$later\"}" "${owner[@]}" |
  show -c '{status, start_time, free_cancellation_until, tables: [.tables[].table_id]}'
refused "/api/reservations/$id/check-in" | show -c '{status, code, detail}'

step "5. A party of two books in Rome, proves its address with the link in the mail, and cancels with the link from the response to the booking. The id alone does not open the booking."
dinner=$(slot roma-trastevere 2 20:00)
other=$(post /api/reservations "{\"customer_id\": \"cust-62\", \"venue_id\": \"roma-trastevere\", \"start_time\": \"$dinner\",
  \"contact_info\": {\"name\": \"Luca Però\", \"phone\": \"+39 333 123 $run\", \"email\": \"luca-$run@example.com\"}, \"locale\": \"en\"}")
luca=$(as_guest "$other") other=$(jq -r .reservation_id <<<"$other")
curl -s "$reservation_url/api/reservations/$other" | show -c '{status, code}'
curl -s -H "$luca" "$reservation_url/api/reservations/$other" | show -c '{status, start_time, tables: [.tables[].table_id], contact_proof}'
prove "reservations/$other" "$luca"
curl -s -H "$luca" "$reservation_url/api/reservations/$other" | show -c '{status, contact_proof}'
post "/api/reservations/$other/cancel" '{"reason_code": "guest_request", "description": "Ci siamo ammalati"}' -H "$luca" |
  show -c '{status, cancellation}'
until_true "the mail about the cancellation was sent" told "$other" "by mail: cancelled"

step "6. Three parties call, and staff book for them. A table is assigned only once. A refusal states the reason and the alternatives."
lunch=$(slot bandung-dago 12 11:00)
for guest in 1 2 3; do
  garden="{\"customer_id\": \"cust-63\", \"start_time\": \"$lunch\", \"party_size\": 12,
    \"contact_info\": {\"name\": \"Budi\", \"phone\": \"0813 $run 222$guest\", \"email\": \"budi-$run-$guest@example.com\"}}"
  curl -s "${owner[@]}" "$reservation_url/api/reservations" -H 'content-type: application/json' -d "$garden" | show -c '{status, code, tables: [.tables[]?.table_id], alternatives}'
done

step "7. Citra joins the waitlist for the garden. A booking is cancelled, Citra gets an offer and accepts it."
taken=$(curl -s "${owner[@]}" "$reservation_url/api/reservations?customer_id=cust-63&limit=200" |
  jq -re --arg at "$lunch" '[.items[] | select(.start_time == $at and .status == "PENDING" and .table_area == "Kebun")][0].reservation_id') ||
  die "The garden is not booked at $lunch: run the tour with an empty data directory."
waits=$(post /api/waitlist "{\"customer_id\": \"cust-64\", \"venue_id\": \"bandung-dago\", \"party_size\": 12, \"area\": \"Kebun\",
  \"earliest_time\": \"$lunch\", \"latest_time\": \"$lunch\",
  \"contact_info\": {\"name\": \"Citra\", \"phone\": \"0815 1234 $run\", \"email\": \"citra-$run@example.com\"}}")
citra=$(as_guest "$waits") waits=$(jq -r .waitlist_id <<<"$waits")
offered() { curl -s -H "$citra" "$reservation_url/api/waitlist/$waits" | jq -e '.status == "OFFERED"'; }
invited() { ls "$outbox"/*.mail-offer.eml; }
prove "waitlist/$waits" "$citra"
post "/api/reservations/$taken/cancel" '{"reason_code": "guest_request"}' "${owner[@]}" | show -c '{status}'
until_true "Citra has an offer" offered
curl -s -H "$citra" "$reservation_url/api/waitlist/$waits" | show -c '{status, place_in_line, offer}'
until_true "the mail with the link was sent" invited
curl -sS -o /dev/null -X POST -H "$citra" "$reservation_url/api/waitlist/$waits/accept" -H 'content-type: application/json' -d '{}'
curl -s -H "$citra" "$reservation_url/api/waitlist/$waits" | show -c '{status, reservation_id}'

step "8. Ayu pays a deposit and cancels in time. The deposit is refunded automatically."
lunch=$(slot bandung-dago 7 11:00)
ayu=$(post /api/reservations "{\"customer_id\": \"cust-65\", \"venue_id\": \"bandung-dago\", \"party_size\": 7, \"start_time\": \"$lunch\",
  \"contact_info\": {\"name\": \"Ayu Lestari\", \"phone\": \"0816 2222 $run\", \"email\": \"ayu-$run@example.com\"}, \"locale\": \"en\"}")
guest=$(as_guest "$ayu") ayu=$(jq -r .reservation_id <<<"$ayu")
until_true "a payment is open" payment_of "$ayu"
curl -sS -o /dev/null -X POST "$(pay_link "$ayu")/pay"
until_true "CONFIRMED" status_is "$ayu" CONFIRMED
printf '  Two reminders are scheduled. Their text:\n'
curl -s "${owner[@]}" "$notifier_url/api/notifications?reservation_id=$ayu&status=waiting" | show -c '.items[] | {template, status, next_attempt_at}'
notifier preview reminder --reservation "$ayu" | sed 's/^/    /'
post "/api/reservations/$ayu/cancel" '{"reason_code": "guest_request"}' -H "$guest" | show -c '{status, cancellation}'
refunded() { [ "$(curl -s "${owner[@]}" "$notifier_url/api/payments?reservation_id=$ayu" | jq -r '.items[0].status')" = refunded ]; }
until_true "the deposit is refunded" refunded
until_true "the mail about the refund was sent" told "$ayu" "by mail: refunded"
curl -s -H "$guest" "$reservation_url/api/reservations/$ayu/charges" | show -c '.entries[] | {kind, amount_minor, rule}'

step "9. A mail that the server refuses becomes a dead letter, until an operator retries it."
dinner=$(slot roma-trastevere 2 19:30)
lost=$(post /api/reservations "{\"customer_id\": \"cust-66\", \"venue_id\": \"roma-trastevere\", \"start_time\": \"$dinner\",
  \"contact_info\": {\"name\": \"Dewi\", \"phone\": \"+39 333 765 $run\", \"email\": \"bounce-once@$run.example.com\"}, \"locale\": \"en\"}" | jq -r .reservation_id)
dead_letter() { curl -s "${owner[@]}" "$notifier_url/api/effects?status=dead&reservation_id=$lost" | jq -re '.items[0].id'; }
until_true "the mail is a dead letter" dead_letter
curl -s "${owner[@]}" "$notifier_url/api/effects?status=dead&reservation_id=$lost" | show -c '.items[] | {template, status, reason, last_error}'
curl -sS -o /dev/null -X POST "${owner[@]}" "$notifier_url/api/effects/$(dead_letter)/retry"
until_true "the retried mail was sent" told "$lost" "Message sent to the guest by mail"

step "10. Reconciliation compares the records of the provider with both logs."
settled() { ! curl -s "${owner[@]}" "$notifier_url/api/effects?status=waiting&limit=1000" | jq -e '.items[] | select(.kind == "refund" or .kind == "post_payment" or .kind == "close_payments")'; }
until_true "no payment or refund is in progress" settled
notifier reconcile | sed 's/^/  /' || die "The records do not agree: see docs/operations.md."

step "11. The feed contains the events as they are stored. These are the last five of Sari's reservation."
curl -s "${owner[@]}" "$reservation_url/events?subject=reservation/$id&limit=1000" | show -c '.[-5:][] | {id: .id[0:20], type, who: (.authid // .authtype), correlationid}'

step "12. The audit trail of the reservation."
curl -s "${owner[@]}" "$reservation_url/api/reservations/$id/history" | jq -r --arg dim "$dim" --arg plain "$plain" \
  '.entries[] | "  \(.at[11:19])  \(.note)  \($dim)\(.who.id // .who.kind)\($plain)"'

step "13. The mail that was sent."
for mail in $(ls -t "$outbox"/*.eml 2>/dev/null | head -3); do
  printf '  %s%s%s\n' "$dim" "$mail" "$plain"
done
printf '\n%sThe services keep running. API: %s/docs/reservation and %s/docs/notifier%s\n' "$bold" "$gateway_url" "$gateway_url" "$plain"
