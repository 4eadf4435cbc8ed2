#!/bin/sh
# Node-RED from npm in a folder of its own, then the test of its flow: sh tests/system/node_red.sh [FOLDER]
#
# FOLDER keeps it (default: ~/.cache/limpet/node-red; 100 MB). Needs mosquitto and Node.js 18.5 or newer. Where it cannot
# be installed it is skipped (77).
set -eu
here=$(cd "$(dirname -- "$0")" && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/limpet/node-red}
skip() {
    echo "skipped: $1" >&2
    exit 77
}
command -v npm >/dev/null || skip "no npm"
[ -d "$folder/node_modules/node-red" ] || {
    mkdir -p "$folder"
    # 5 needs a newer Node.js than Debian has.
    npm install --prefix "$folder" --silent --no-audit --no-fund node-red@4 || skip "Node-RED cannot be installed"
}
cd "$here/../.."
export LIMPET_NODE_RED="$folder/node_modules/node-red/red.js"
exec "${PYTHON:-.venv/bin/python}" -m pytest -v tests/system/test_subscribers.py -k node_red
