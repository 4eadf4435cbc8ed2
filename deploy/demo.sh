#!/bin/sh
# Shows Limpet at work on any machine with Python 3.11 and git: sh deploy/demo.sh [--plain] [--batches N]
set -eu
extras=demo
. "$(dirname -- "$0")/venv.sh"
exec "$venv/bin/limpet" demo "$@"
