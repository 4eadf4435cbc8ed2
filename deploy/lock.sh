#!/bin/sh
# Renews what install.sh installs, pinned and with hashes: sh deploy/lock.sh
#
# Writes requirements.lock, all that the service needs, and pins.lock, the backend for pins, which has no wheel for every
# Python and machine and may therefore fail alone. Needs a network; commit what it writes.

set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -I -m venv "$work/venv"
"$work/venv/bin/python" -I -m pip install --quiet uv

lock() { # lock FILE ARGUMENT...: for every machine, from Python 3.11 on
    file=$1
    shift
    "$work/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --output-file "$file" "$@"
}
"$work/venv/bin/python" -I - "$work" <<'P'
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
needs, pins = [], []
for need in project["dependencies"]:
    (pins if need.startswith("lgpio") else needs).append(need)
needs += project["optional-dependencies"]["pi"]
# Builds the wheel of limpet itself, from the checkout.
needs += tomllib.loads(Path("pyproject.toml").read_text())["build-system"]["requires"]
for name, wanted in (("needs.in", needs), ("pins.in", pins)):
    Path(sys.argv[1], name).write_text("\n".join(wanted) + "\n")
P
lock deploy/requirements.lock "$work/needs.in"
lock deploy/pins.lock "$work/pins.in"
