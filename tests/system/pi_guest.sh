#!/bin/bash
# In the machine, as root: install, look, break, upgrade, remove. Every claim is one line; the exit code tells if all held.
set -uo pipefail
export PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/wheels
CHECKOUT=$PWD
CONFIG=/etc/limpet/limpet.toml
failed=0

claim() { # claim WORDS COMMAND...: the command must succeed
    local words=$1
    shift
    if "$@" >/tmp/claim.out 2>&1; then
        echo "ok      $words"
    else
        failed=$((failed + 1))
        echo "FAILED  $words"
        sed 's/^/        | /' /tmp/claim.out | tail -n 15
    fi
}
never() { ! "$@"; }
within() { # within SECONDS COMMAND...: it succeeds before so long
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.5
    done
}
install_it() { (cd / && SUDO_USER=pi sh "$CHECKOUT/deploy/install.sh" "$@"); }
pid() { systemctl show -P MainPID limpet; }
heard() { mosquitto_sub -h localhost -t 'limpet/+/batch' -C 1 -W 40 >/tmp/batch.json; }
state_of_door() { python3 -c 'import json; print(*[r["value"] for r in json.load(open("/tmp/batch.json"))["readings"] if r["sensorId"] == "door"])'; }
value() { # value SENSOR QUANTITY EXPECTED TOLERANCE: in a batch that a subscriber gets now
    heard && python3 - "$@" <<'P'
import json, sys
sensor, quantity, expected, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
batch = json.load(open("/tmp/batch.json"))
print(batch)
found = [r["value"] for r in batch["readings"] if (r["sensorId"], r["quantity"]) == (sensor, quantity)]
sys.exit(not (found and abs(found[0] - expected) <= tolerance))
P
}

# ---- the world: an I2C bus with chips, a broker; what differs from a true Pi is in a drop-in of its own
echo '{"0x44": {"temperature": -7.25, "humidity": 66.0}, "0x76": {"temperature": 19.5, "pressure": 987.6, "humidity": 40.0}}' >/run/i2c-1.json
systemd-run --quiet --unit chips python3 /opt/pivm/i2c_cuse.py 1 /opt/pivm/chips.py
systemd-run --quiet --unit broker mosquitto -p 1883
within 20 test -e /dev/i2c-1
mkdir -p /etc/systemd/system/limpet.service.d
cat >/etc/systemd/system/limpet.service.d/90-test.conf <<U
[Service]
DeviceAllow=/dev/i2c-1 rw
ProtectProc=default
BindReadOnlyPaths=/run/cpuinfo:/proc/cpuinfo
WatchdogSec=12
U

# ---- a bare machine
install_it >/tmp/install.1
echo "install.sh says:"
sed 's/^/        | /' /tmp/install.1
echo "the first configuration:"
sed 's/^/        | /' $CONFIG
claim "one command makes an active service" systemctl is-active limpet
claim "it does not run as root" test "$(ps -o user= -p "$(pid)")" = limpet
claim "it may use buses and pins" bash -c "grep -q Groups: /proc/$(pid)/status && id limpet && systemctl show -P SupplementaryGroups limpet | grep i2c"
claim "it has no capability" grep -q 'CapEff:.0000000000000000' "/proc/$(pid)/status"
claim "the configuration is closed to others" test "$(stat -c '%a %U:%G' $CONFIG)" = "640 root:limpet"
claim "the command is on the path and valid is what was written" limpet check
claim "the checkout is untouched" never ls "$CHECKOUT/build" "$CHECKOUT"/*.egg-info
claim "exposure is at most 1.5" bash -c "systemd-analyze security --no-pager limpet | tail -1 | tee /dev/stderr | grep -Eq ' (0\.[0-9]|1\.[0-5]) '"
claim "the unit is clean" bash -c 'out=$(systemd-analyze verify limpet.service 2>&1); echo "$out"; [ -z "$out" ]'

# ---- true values, reload
cat >/tmp/good.toml <<'T'
[agent]
every = "2s"
[[sensor]]
id = "air"
driver = "sht3x"
[[sensor]]
id = "box"
driver = "bme280"
[[sensor]]
id = "host"
driver = "host"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
options = { pull = "up", bounce = "20ms" }
T
cat /tmp/good.toml >$CONFIG
before=$(pid)
claim "a reload is accepted" systemctl reload limpet
claim "it publishes what the SHT3x feels, below zero" value air temperature -7.25 0.02
claim "it publishes what the BME280 feels" value box pressure 987.6 0.3
echo '{"0x44": {"temperature": 31.5, "humidity": 20.0}}' >/run/i2c-1.json
sleep 3
claim "it follows a change" value air temperature 31.5 0.02
/opt/pivm/gpio_sim.sh pull 17 up
sleep 3
heard
up=$(state_of_door)
/opt/pivm/gpio_sim.sh pull 17 down
sleep 3
heard
claim "it sees a line of the gpiochip change (from $up)" bash -c "[ '$up' != '' ] && [ '$up' != '$(state_of_door)' ]"
/opt/pivm/gpio_sim.sh pull 17 up
echo '{"0x44": {"fault": "nack"}}' >/run/i2c-1.json
sleep 6
claim "a chip that falls silent is told" bash -c "mosquitto_sub -h localhost -t 'limpet/+/batch' -C 1 -W 30 | tee /dev/stderr | grep -q 'unavailableSensors\":\[\"air\"\]'"
echo '{}' >/run/i2c-1.json
echo 'every = nonsense [' >>$CONFIG
systemctl reload limpet
sleep 3
claim "a broken file changes nothing" test "$(pid)" = "$before"
claim "and is told" bash -c "journalctl -u limpet -o cat --no-pager | tail -n 20 | tee /dev/stderr | grep -i 'configuration'"
claim "and batches go on" heard
cat /tmp/good.toml >$CONFIG
systemctl reload limpet
claim "everybody sees the status" within 20 setpriv --reuid pi --regid pi --init-groups limpet status
claim "and as JSON" bash -c 'cd / && limpet status --json | python3 -m json.tool'
claim "the outbox is told" limpet outbox --json
claim "the doctor finds nothing broken" limpet doctor
limpet doctor 2>&1 | sed 's/^/        | /' 

# ---- frozen, killed, in debt
frozen=$(pid)
kill -STOP "$frozen"
claim "a frozen service is restarted by its watchdog" within 60 bash -c "p=\$(systemctl show -P MainPID limpet); [ \$p != 0 ] && [ \$p != $frozen ]"
claim "and the journal says why" bash -c "journalctl -u limpet -o cat --no-pager | grep -i 'watchdog timeout'"
claim "and publishes again" within 60 heard
kill -KILL "$(pid)"
claim "a killed service comes back" within 60 bash -c 'systemctl is-active limpet && mosquitto_sub -h localhost -t limpet/+/batch -C 1 -W 5'
systemctl stop broker
sleep 15
number=$(limpet outbox --json 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["number"])')
claim "during an outage batches wait on the disk ($number)" test "${number:-0}" -gt 0
claim "and can be exported" limpet outbox --export /tmp/out.jsonl
claim "the doctor names the broker" bash -c 'limpet doctor 2>&1 | tee /dev/stderr | grep -i "nothing listens"'
claim "and ends with 1" bash -c 'limpet doctor >/dev/null 2>&1; [ $? = 1 ]'
systemd-run --quiet --unit broker2 mosquitto -p 1883
within 20 mosquitto_pub -h localhost -t test -m there 2>/dev/null
waiting() { limpet outbox --json 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["number"])'; }
delivered() { [ "$(waiting)" = 0 ]; }
claim "what waited is delivered when the broker is back" within 150 delivered
started=$SECONDS
systemctl stop limpet
claim "it stops within seconds" test $((SECONDS - started)) -le 6
systemctl start limpet
echo 'every = nonsense [' >>$CONFIG
systemctl restart limpet 2>/dev/null
sleep 5
claim "a start with a wrong configuration ends with 78 and is not tried again" bash -c "systemctl show limpet -p ExecMainStatus,NRestarts,ActiveState | tee /dev/stderr | xargs | grep -Eq '(NRestarts=0 .*ExecMainStatus=78|ExecMainStatus=78 .*NRestarts=0)'"
cat /tmp/good.toml >$CONFIG
systemctl restart limpet

# ---- again, wrongly, away
echo '# mine' >>$CONFIG
install_it >/tmp/install.2
claim "a second run succeeds" test $? = 0
claim "and keeps the configuration" grep -q '# mine' $CONFIG
claim "and leaves one venv" test "$(ls -d /opt/limpet/venv-* | wc -l)" = 1
claim "and an active service" systemctl is-active limpet
mkdir /tmp/bad && cp -r "$CHECKOUT"/{pyproject.toml,README.md,LICENSE,agent,drivers,deploy} /tmp/bad/
echo 'raise SystemExit(1)' >/tmp/bad/agent/service/agent.py
current=$(readlink /opt/limpet/current)
claim "a version that does not start is refused" never sh /tmp/bad/deploy/install.sh
claim "and the one before runs again" bash -c "[ \$(readlink /opt/limpet/current) = $current ] && systemctl is-active limpet && [ \$(ls -d /opt/limpet/venv-* | wc -l) = 1 ]"
claim "--uninstall succeeds" install_it --uninstall
claim "and takes the service and the command" bash -c '! systemctl cat limpet.service >/dev/null 2>&1 || ! grep -rq ExecStart=/opt/limpet /etc/systemd/system; [ ! -e /opt/limpet ] && [ ! -L /usr/local/bin/limpet ]'
claim "and keeps configuration and data" test -e $CONFIG -a -d /var/lib/limpet
claim "--purge succeeds" install_it --purge
claim "and leaves nothing" bash -c '[ ! -e /etc/limpet ] && [ ! -e /var/lib/limpet ] && ! getent passwd limpet'
echo "$failed claims failed"
[ $failed = 0 ]
