"""The recipes in deploy/subscribers, each with its own program, at a real mosquitto that goes away for a while."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO

import pytest
from true_device import ROOT, Device, free_port, wait

RECIPES = ROOT / "deploy" / "subscribers"
NODE_RED = os.environ.get("LIMPET_NODE_RED", "")
SENSORS = """
[[sensor]]
id = "air"
driver = "sht4x"
every = "250ms"
[[sensor]]
id = "light"
driver = "bh1750"
every = "1s"
breaker = { reset_timeout = "1s" }
"""
IMPATIENT = '[mqtt.breaker]\nreset_timeout = "500ms"\nmax_reset_timeout = "500ms"\n'
UNPLUGGED = '[[fault]]\nat = "0s"\nsensor = "light"\nkind = "unplugged"\n'


@pytest.fixture
def broker(mosquitto, tmp_path):
    """A broker that keeps sessions over a restart."""
    text = mosquitto.file.read_text().replace(
        "persistence false", f"persistence true\npersistence_location {tmp_path}/"
    )
    mosquitto.file.write_text(text)
    asyncio.run(mosquitto.start())
    return mosquitto


@pytest.fixture
def device(broker, tmp_path):
    device = Device(tmp_path, broker.port)
    device.configure(SENSORS, discovery=False, more=IMPATIENT)
    yield device
    device.stop()


@contextmanager
def running(words: list[object], output: IO[str], **environ: str) -> Iterator[None]:
    """A program that writes into a file until the end of the block."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environ}
    process = subprocess.Popen([str(one) for one in words], stdout=output, env=environment, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def outage(broker, device, far_enough):
    """Let the device meet a broker that goes away and comes back, until something has been seen."""
    device.start()
    wait(far_enough)
    broker.kill(signal.SIGTERM)
    wait(lambda: device.health()["outbox"]["waiting"] >= 8)
    asyncio.run(broker.start())
    wait(lambda: device.health()["outbox"]["waiting"] == 0)


def test_python_prints_every_reading_once_and_misses_nothing(broker, device, tmp_path):
    printed = tmp_path / "printed"
    with (
        printed.open("w") as output,
        running([sys.executable, RECIPES / "python" / "complete.py", "127.0.0.1", broker.port], output),
    ):
        outage(broker, device, lambda: len(air(printed)) > 3)
        before = len(air(printed))
        wait(lambda: len(air(printed)) > before + 4)
    assert_complete(air(printed))


def test_python_says_what_is_missing_and_what_was_given_up(broker, device, tmp_path):
    printed = tmp_path / "printed"
    with (
        printed.open("w") as output,
        running([sys.executable, RECIPES / "python" / "complete.py", "127.0.0.1", broker.port], output),
    ):
        publish(broker, "pi/batch", {**BATCH, "seq": 1}, printed.read_text)
        publish(
            broker, "pi/batch", {**BATCH, "seq": 4}, lambda: "# pi: 2 not here yet, from 2 on" in printed.read_text()
        )
        gap = {"bootId": "run", "from": 2, "to": 3, "reason": "full"}
        publish(broker, "pi/gap", gap, lambda: "# pi: 2..3 were given up: full" in printed.read_text())
        publish(broker, "pi/batch", {**BATCH, "seq": 5}, lambda: printed.read_text().count("air.temperature") == 3)
        publish(broker, "pi/backfill", block(6, 7, 6), lambda: printed.read_text().count("air.temperature") == 5)
    assert printed.read_text().count("not here yet") == 1


def test_jq_prints_readings_and_faults(broker, device, tmp_path):
    heard, live = tmp_path / "heard", ["mosquitto_sub", "-p", broker.port, "-q", "1", "-t", "limpet/+/batch"]
    with heard.open("w") as output, running(live, output):
        device.start(UNPLUGGED)
        wait(lambda: len(heard.read_text().splitlines()) > 4)
    assert " air.temperature " in jq("readings", heard).replace("\t", " ")
    assert "greenhouse-1 light: NoAcknowledge since 2" in jq("faults", heard)


def test_jq_names_the_numbers_that_are_missing(tmp_path):
    heard = tmp_path / "heard"
    one = [{"bootId": "run", "seq": seq} for seq in (3, 4, 8, 6)]
    heard.write_text("\n".join(map(json.dumps, [*one, {"bootId": "run", "from": 5, "to": 7, "reason": "full"}])))
    told = [json.loads(line) for line in jq("missing", heard, "-n").splitlines()]
    assert [line["missing"] for line in told] == [[5, 6, 7], [5, 7], []]
    assert told[-1]["reason"] == "full"


@pytest.mark.skipif(not NODE_RED, reason="npm installs 280 packages for it: sh tests/system/node_red.sh")
def test_node_red_writes_every_reading_once_and_raises_alarms(broker, device, tmp_path):
    alarms, printed = tmp_path / "alarms", tmp_path / "readings.csv"
    words = ["node", NODE_RED, "--userDir", tmp_path / "node-red", "--port", free_port()]
    places = {"LIMPET_BROKER": "127.0.0.1", "LIMPET_PORT": str(broker.port), "LIMPET_CSV": str(printed)}
    listening = ["mosquitto_sub", "-p", broker.port, "-c", "-i", "alarms", "-q", "1", "-t", "limpet-alarm/#"]
    with (
        alarms.open("w") as heard,
        (tmp_path / "log").open("w") as log,
        running(listening, heard),
        running([*words, RECIPES / "node-red" / "flow.json"], log, **places),
    ):
        wait(lambda: "Connected to broker" in (tmp_path / "log").read_text(), 40)
        outage(broker, device, lambda: printed.exists() and len(air(printed)) > 3)
        before = len(air(printed))
        wait(lambda: len(air(printed)) > before + 4)
        device.play(UNPLUGGED)
        wait(lambda: '{"device":"greenhouse-1","sensor":"light","status":"unavailable"}' in alarms.read_text())
        device.play("")
        wait(lambda: '{"device":"greenhouse-1","sensor":"light","status":"ok"}' in alarms.read_text())
        device.stop()
        wait(lambda: '{"device":"greenhouse-1","status":"offline"}' in alarms.read_text())
        assert_complete(air(printed))
        told = [json.loads(line) for line in alarms.read_text().splitlines()]
        assert [one["missing"] for one in told if "missing" in one][-1:] in ([], [[]])
        publish(
            broker, "pi/batch", {**BATCH, "seq": 1}, lambda: ",pi,air,temperature,21.4,°C,ok" in printed.read_text()
        )
        publish(broker, "pi/backfill", block(4, 5, 4), lambda: printed.read_text().count(",pi,") == 3)
        wait(lambda: '{"device":"pi","missing":[2,3]}' in alarms.read_text())
        gap = {"bootId": "run", "from": 2, "to": 3, "reason": "full"}
        publish(broker, "pi/gap", gap, lambda: '{"device":"pi","missing":[],"reason":"full"}' in alarms.read_text())
        assert printed.read_text().count(",pi,") == 3


BATCH = {
    "deviceId": "pi",
    "bootId": "run",
    "timestamp": "2026-11-23T12:00:00.123Z",
    "readings": [{"sensorId": "air", "quantity": "temperature", "value": 21.4, "unit": "°C", "status": "ok"}],
}


def block(*numbers: int) -> bytes:
    """Return batches with these numbers as the block that a lean link carries."""
    return zlib.compress(b"\n".join(json.dumps({**BATCH, "seq": seq, "historical": True}).encode() for seq in numbers))


def air(printed: Path) -> list[float]:
    """Return the seconds of the day at which air temperature was measured, as printed, in time order."""
    lines = printed.read_text().replace("air,temperature", " air.temperature ").splitlines()
    stamps = [line[11:23].split(":") for line in lines if " air.temperature " in line]
    return sorted(3600 * int(hours) + 60 * int(minutes) + float(seconds) for hours, minutes, seconds in stamps)


def assert_complete(moments: list[float]) -> None:
    """Nothing came twice, and no round of 250 ms is missing."""
    assert len(moments) == len(set(moments)) > 12
    assert max(after - before for before, after in pairwise(moments)) < 0.4


def publish(broker, topic: str, document: dict | bytes, seen: Callable[[], object]) -> None:
    """Publish until it has been seen: a subscriber may only just have started. So it comes twice and more often."""
    words = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", f"limpet/{topic}", "-s"]
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()

    def published() -> object:
        subprocess.run(words, input=payload, check=True)
        subprocess.run(words, input=payload, check=True)
        return seen()

    wait(published)


def jq(program: str, heard: Path, *options: str) -> str:
    """Return what a jq program makes of what was heard."""
    if shutil.which("jq") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("jq is not installed")
        pytest.skip("jq is not installed")
    words = ["jq", "-r", *options, "-f", RECIPES / "jq" / f"{program}.jq", heard]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
