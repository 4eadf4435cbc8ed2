#!/bin/bash
# The service on a machine like a Pi, from outside: PIVM=FOLDER bash tests/system/pi.sh
#
# FOLDER holds up.sh, ssh.sh and down.sh of a virtual machine with systemd, a gpiochip, an emulated /dev/i2c-1, mosquitto
# and a wheel folder at /mnt/wheels. What is done and seen there is in pi_guest.sh. Without PIVM it is skipped (77).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${PIVM:-}" ] || [ ! -x "$PIVM/up.sh" ]; then
    echo "skipped: no virtual machine; PIVM names its folder" >&2
    exit 77
fi
export PIVM_NAME=${PIVM_NAME:-limpet-pi} PIVM_SHARE=${PIVM_SHARE:-$here/../..}
trap '"$PIVM/down.sh" --rm >/dev/null 2>&1' EXIT
"$PIVM/up.sh" --fresh
"$PIVM/ssh.sh" "bash tests/system/pi_guest.sh"
