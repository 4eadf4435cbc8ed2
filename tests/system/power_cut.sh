#!/bin/bash
# Pulls the plug of a Pi-like virtual machine in the middle of an outage, again and again, and counts what arrives.
#   PIVM=/where/the/machine/is [CUTS=3] tests/system/power_cut.sh
# The machine: up.sh, ssh.sh, power-cut.sh, down.sh; it sees this checkout at /mnt/host and has Python with our
# dependencies in /opt/venv. For each durability a simulated sensor is read once a second while no broker listens; after
# the cut a broker is started and a subscriber collects what the next start delivers.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${PIVM:-}" ] || [ ! -x "$PIVM/up.sh" ]; then
    echo "skipped: PIVM does not name a virtual machine"
    exit 0
fi
export PIVM_NAME="cut-$$" PIVM_SHARE="$PWD" PIVM_QUIET=1
trap '"$PIVM/down.sh" --rm >/dev/null 2>&1 || true' EXIT
work=$(mktemp -d)
bad=0

"$PIVM/up.sh" --fresh
for durability in always outage; do
    "$PIVM/ssh.sh" - <<G
mkdir -p /var/lib/cut-$durability
cat >/root/$durability.toml <<T
[agent]
device_id = "cut"
every = "1s"
log_level = "debug"
state_dir = "/var/lib/cut-$durability"
[mqtt]
host = "127.0.0.1"
[outbox]
durability = "$durability"
backfill_rate = 1000
[[sensor]]
id = "air"
driver = "sht4x"
T
systemctl stop mosquitto 2>/dev/null || true
sync
G
    for cut in $(seq "${CUTS:-3}"); do
        log="$work/$durability-$cut.log"
        "$PIVM/ssh.sh" "PYTHONDONTWRITEBYTECODE=1 exec /opt/venv/bin/python -m agent run --simulate -c /root/$durability.toml" \
            >"$log" 2>&1 &
        agent=$!
        for _ in $(seq 200); do [ "$(grep -c ' batch seq=' "$log")" -ge $((20 + cut * 7)) ] && break || sleep 0.5; done
        "$PIVM/power-cut.sh"
        wait $agent || true
        made=$(grep -c ' batch seq=' "$log")
        "$PIVM/up.sh"
        "$PIVM/ssh.sh" - >"$work/$durability-$cut.got" <<G
mosquitto -p 1883 >/dev/null 2>&1 &
for i in \$(seq 50); do mosquitto_pub -t x -n 2>/dev/null && break; sleep 0.2; done
mosquitto_sub -q 1 -t 'limpet/cut/backfill' -W 40 &
sub=\$!
sleep 1
PYTHONDONTWRITEBYTECODE=1 timeout 60 /opt/venv/bin/python -m agent run --simulate -c /root/$durability.toml --batches 3 >&2
sleep 1
kill \$sub %1 2>/dev/null
G
        python3 - "$work/$durability-$cut.got" "$made" "$durability" "$cut" <<'P' || bad=1
import json, sys
from collections import defaultdict
runs = defaultdict(list)
for line in open(sys.argv[1]):
    if line.startswith("{"):
        batch = json.loads(line)
        runs[batch["bootId"]].append(batch["seq"])
made, durability = int(sys.argv[2]), sys.argv[3]
seqs = max(runs.values(), key=len, default=[])
bound = 1 if durability == "always" else 11  # the round under way; the last ten seconds
gapless = seqs == list(range(1, len(seqs) + 1))
ok = gapless and made - len(seqs) <= bound
print(f"{durability} cut {sys.argv[4]}: made {made}, arrived {len(seqs)}, lost {made - len(seqs)} (promised: at most "
      f"{bound}), {'in order, gapless' if gapless else 'NOT GAPLESS: ' + str(seqs)}: {'ok' if ok else 'BROKEN'}")
sys.exit(not ok)
P
    done
done
rm -rf "$work"
exit $bad
