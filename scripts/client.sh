#!/usr/bin/env bash
# Builds the client of the stand from gateway/client, and tests it without a browser.
#
#   client.sh             builds it, and writes gateway/client/dist
#   client.sh check       fails if gateway/client/dist, or the types, are not what the sources say
#   client.sh types FILE  writes the types of the API description in FILE, or with "check" before it compares them
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_client_tools
sources=gateway/client
work=target/tools/client

# The packages are outside the sources, so the sources are built beside the packages.
rm -rf "$work"/{src,tests,dist,golden}
cp -r "$sources"/{src,tests,tsconfig.json,vite.config.ts} "$work"
cp -r events/tests/it/golden "$work/golden"

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

if [ "${1:-}" = types ]; then
  # Only the schemas: requests are few, and are written by hand.
  jq '.paths = {}' "$2" > "$work/openapi.json"
  (cd "$work" && node_modules/.bin/openapi-typescript openapi.json -o api.d.ts >/dev/null)
  keep "$work/api.d.ts" "$sources/src/schema.d.ts"
  exit
fi

(cd "$work" && node_modules/.bin/vue-tsc --noEmit && node_modules/.bin/vite build --logLevel warn && node_modules/.bin/vitest run)
keep "$work/dist" "$sources/dist"
