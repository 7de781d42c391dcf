#!/usr/bin/env bash
# Builds the clients in gateway/client (stand, rules editor, audit, check of a receipt), and tests them without a browser.
#
#   client.sh             builds it, and writes gateway/client/dist
#   client.sh check       fails if gateway/client/dist, or the types, are not what the sources say
#   client.sh types RESERVATION NOTIFIER
#                         writes the types of the API descriptions in these files, or with "check" before it compares them
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_client_tools
sources=gateway/client
work=target/tools/client

# The packages are outside the sources, so the sources are built beside the packages.
rm -rf "$work"/{src,tests,dist,golden,golden-proof}
cp -r "$sources"/{src,tests,tsconfig.json,vite.config.ts} "$work"
cp -r events/tests/it/golden "$work/golden"
cp -r proof/tests/it/golden "$work/golden-proof"

mode=write
if [ "${1:-}" = check ]; then
  mode=check
  shift
fi

# keep BUILT COMMITTED: writes what was built, or compares it.
keep() {
  if [ $mode = write ]; then
    rm -rf "$2"
    cp -r "$1" "$2"
  else
    diff -r "$1" "$2" >/dev/null || die "$2 is not what the sources say: run make client, and commit it."
  fi
}

# types_of DOCUMENT INTO: the types of the schemas in an API description.
types_of() {
  (cd "$work" && node_modules/.bin/openapi-typescript "$1" --default-non-nullable=false -o types.d.ts >/dev/null)
  keep "$work/types.d.ts" "$2"
}

if [ "${1:-}" = types ]; then
  # Only the schemas: requests are few, and are written by hand.
  for service in "$2 $sources/src/schema.d.ts" "$3 $sources/src/audit/notifier.d.ts"; do
    read -r document into <<<"$service"
    jq '.paths = {}' "$document" > "$work/openapi.json"
    types_of openapi.json "$into"
  done
  exit
fi

# The rules of a venue, as a description with one schema. A type cannot express which members exclude each other.
jq '{openapi: "3.1.0", info: {title: "rules", version: "1"}, paths: {}, components: {schemas: {
    Rules: (del(.["$schema"], .["$id"], .["$defs"]) | walk(if type == "object" then del(.allOf) else . end)),
    Time: .["$defs"].time}}}
  | walk(if type == "object" and has("$ref") then .["$ref"] = "#/components/schemas/Time" else . end)' \
  reservation/schemas/venue.schema.json > "$work/rules.json"
types_of rules.json "$sources/src/rules/schema.d.ts"
cp "$sources/src/rules/schema.d.ts" "$work/src/rules"

(
  cd "$work"
  node_modules/.bin/vue-tsc --noEmit
  for script in stand rules stream receipt audit; do
    MEJA_SCRIPT=$script node_modules/.bin/vite build --logLevel warn
  done
  node_modules/.bin/vitest run
)
keep "$work/dist" "$sources/dist"
