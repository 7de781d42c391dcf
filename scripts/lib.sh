# Shared by the scripts of this folder; sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
reservation_url=${RESERVATION_URL:-http://${RESERVATION_LISTEN:-127.0.0.1:8000}}
notifier_url=${NOTIFIER_URL:-http://${NOTIFIER_LISTEN:-127.0.0.1:8001}}
reservation_grpc_url=${RESERVATION_GRPC_URL:-http://${RESERVATION_GRPC_LISTEN:-127.0.0.1:8010}}
notifier_grpc_url=${NOTIFIER_GRPC_URL:-http://${NOTIFIER_GRPC_LISTEN:-127.0.0.1:8011}}
gateway_url=${GATEWAY_URL:-http://${GATEWAY_LISTEN:-127.0.0.1:8080}}
outbox=${NOTIFIER_DATA_DIR:-data/notifier}/outbox
secrets=${RESERVATION_SECRETS_DIR:-data/secrets}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' blue=$'\e[34m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' dim='' green='' blue='' red='' plain=''
fi

die() {
  printf '%s%s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# need COMMAND PACKAGE: installs the Debian package that contains COMMAND, or ends with a message.
need() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    printf 'Installing %s, which contains %s ...\n' "$2" "$1"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2"; } >/dev/null 2>&1 || true
  fi
  command -v "$1" >/dev/null || die "$1 is missing and could not be installed: install the package $2, then run this again."
}

need_rust() {
  command -v cargo >/dev/null || [ ! -e "$HOME/.cargo/env" ] || . "$HOME/.cargo/env"
  command -v cargo >/dev/null || die "cargo is missing: install Rust 1.90 or later, then run this again."
  # Some dependencies compile C.
  need cc gcc
}

# wait_ready NAME URL PID: waits until the service is ready; ends the script if the service has ended.
wait_ready() {
  local deadline=$((SECONDS + 60))
  # The process is checked after the response, which may come from another process at the same address.
  until curl -fsS --max-time 2 -o /dev/null "$2/readyz" 2>/dev/null && kill -0 "$3" 2>/dev/null; do
    kill -0 "$3" 2>/dev/null || die "$1 has ended: see its messages above."
    [ $SECONDS -lt $deadline ] || die "$1 is not ready after 60 s: see its messages above."
    sleep 0.05
  done
}

# need_python_tools: a virtual environment with the mail server, the payment provider, and the tools for API descriptions
# of the tests.
need_python_tools() {
  local python=target/tools/python
  [ ! -e "$python/installed-6" ] || return 0
  need python3 python3
  mkdir -p target/tools
  python3 -m venv "$python" 2>/dev/null || { need_package python3-venv && python3 -m venv "$python"; }
  "$python/bin/pip" install --quiet --disable-pip-version-check 'aiosmtpd==1.4.6' 'localstripe==1.15.10' \
    'openapi-spec-validator==0.9.0' 'openapi-python-client==0.29.1' 'cloudevents==2.2.0' 'schemathesis==4.32.5' \
    'grpcio==1.85.3' 'grpcio-reflection==1.85.1' 'pymerkle==7.0.0' 'cryptography==50.0.2' ||
    die "The Python packages of the tests could not be installed: they are needed for mail, payments, API descriptions, gRPC and fuzzing."
  touch "$python/installed-6"
}

need_package() {
  [ "$(id -u)" = 0 ] && { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"; } >/dev/null 2>&1 ||
    die "The package $1 is missing and could not be installed."
}

# need_postgres: the server, whose programs Debian keeps in a folder that is not in PATH.
need_postgres() {
  ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || need_package postgresql
}

# need_cluster: what makes two servers a cluster. Debian's package brings what Patroni needs, but its version 3.0.2 can lose commits.
need_cluster() {
  need patroni patroni
  need etcd etcd-server
  need_python_tools
  local patroni=target/tools/patroni version=4.1.5
  [ ! -e "$patroni/installed-$version" ] || return 0
  rm -rf "$patroni"
  target/tools/python/bin/pip install --quiet --disable-pip-version-check --no-deps --target "$patroni" "patroni==$version" ||
    die "Patroni $version could not be installed: it is needed for clusters with failover."
  touch "$patroni/installed-$version"
}

# need_browser: a real browser, and the packages that drive it, of tests/browser/package.json.
need_browser() {
  command -v chromium >/dev/null || need chromium chromium
  need_npm_packages tests/browser target/tools/browser "the tests of the pages"
}

# need_node_tools: the generators and linters of tests/clients/package.json.
need_node_tools() {
  need_npm_packages tests/clients target/tools/node "the tests of API descriptions"
}

# need_client_tools: the compiler and the bundler of the client, of gateway/client/package.json.
need_client_tools() {
  need jq jq
  need_npm_packages gateway/client target/tools/client "the client of the stand"
}

# need_npm_packages FROM INTO WHAT: the packages that FROM/package-lock.json names.
need_npm_packages() {
  cmp -s "$1/package-lock.json" "$2/installed" && return 0
  need node nodejs
  need npm npm
  [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -ge 20 ] ||
    die "Node.js $(node -p process.versions.node) is too old: $3 need version 20 or later."
  mkdir -p "$2"
  cp "$1/package.json" "$1/package-lock.json" "$2"
  npm ci --prefix "$2" --ignore-scripts --silent --no-audit --no-fund ||
    die "The packages of $1/package.json could not be installed: they are needed for $3."
  cp "$1/package-lock.json" "$2/installed"
}
