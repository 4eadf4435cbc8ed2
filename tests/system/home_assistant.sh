#!/bin/sh
# A real Home Assistant in a venv of its own, then the tests with it: sh tests/system/home_assistant.sh [FOLDER]
#
# FOLDER keeps the venv (default: ~/.cache/limpet/home-assistant; 600 MB). Needs mosquitto and Python 3.13 or 3.12: older
# versions of Home Assistant do not know device discovery. Where it cannot be installed it is skipped (77).
set -eu
here=$(cd "$(dirname -- "$0")" && pwd)
venv=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/limpet/home-assistant}
found=
for python in python3.13 "$HOME"/.pyenv/versions/3.13*/bin/python python3.12 "$HOME"/.pyenv/versions/3.12*/bin/python; do
    if "$python" -c 'import venv' 2>/dev/null; then found=$python; break; fi
done
skip() {
    echo "skipped: $1" >&2
    exit 77
}
[ -n "$found" ] || skip "no Python 3.13 or 3.12"
[ -x "$venv/bin/hass" ] || {
    "$found" -m venv "$venv"
    "$venv/bin/pip" install -q homeassistant websockets || skip "Home Assistant cannot be installed"
}
# What its integrations would install by themselves when they are first used.
"$venv/bin/python" - mqtt frontend history recorder onboarding <<'PYTHON' >"$venv/requirements.txt"
import json, pathlib, sys
import homeassistant.components as all_of_them
seen, rest = set(), sys.argv[1:]
while rest:
    manifest = json.loads((pathlib.Path(all_of_them.__path__[0]) / rest.pop() / "manifest.json").read_text())
    print(*manifest.get("requirements", []), sep="\n")
    rest += [one for one in manifest.get("dependencies", []) if one not in seen]
    seen.update(rest)
PYTHON
"$venv/bin/pip" install -q -r "$venv/requirements.txt" || skip "what its integrations need cannot be installed"
cd "$here/../.."
export LIMPET_HOME_ASSISTANT="$venv"
exec "${PYTHON:-.venv/bin/python}" -m pytest -v tests/system/test_home_assistant.py
