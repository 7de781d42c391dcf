#!/usr/bin/env bash
# bench-render.sh RESULTS TEMPLATE: prints the template with each {{key}} replaced by the figure of that name.
set -euo pipefail
awk -F= '
  NR == FNR { key = $1; sub(/^[^=]*=/, ""); figure[key] = $0; next }
  {
    while (match($0, /\{\{[a-z0-9_]+\}\}/)) {
      key = substr($0, RSTART + 2, RLENGTH - 4)
      value = (key in figure) ? figure[key] : "not measured"
      $0 = substr($0, 1, RSTART - 1) value substr($0, RSTART + RLENGTH)
    }
    print
  }' "$1" "$2"
