"""A real `limpet run`, a real mosquitto, SIGHUP: another device id is another run, gapless from 1 on."""

import asyncio
import json
import signal
import subprocess
import sys

import pytest

FILE = """
[agent]
device_id = "{device}"
every = "200ms"
state_dir = "{folder}"
[mqtt]
port = {port}
host = "127.0.0.1"
[[sensor]]
id = "air"
driver = "sht4x"
timeout = "100ms"
"""


@pytest.fixture
def listener(mosquitto):
    asyncio.run(mosquitto.start())
    words = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(mosquitto.port), "-v", "-t", "limpet/#", "-W", "20"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def heard(listener, *topics):
    """Wait for the first message on each of the topics, in whatever order they come; return their documents."""
    found = {}
    for line in listener.stdout:
        where, _, payload = line.partition(" ")
        if where in topics:
            found.setdefault(where, json.loads(payload))
        if len(found) == len(topics):
            return [found[topic] for topic in topics]
    raise AssertionError("the listener ended")


def test_another_device_id_begins_another_run_in_the_same_process(mosquitto, listener, tmp_path):
    file = tmp_path / "limpet.toml"

    def write(device):
        file.write_text(FILE.format(device=device, folder=tmp_path, port=mosquitto.port))

    write("one")
    words = [sys.executable, "-m", "agent", "run", "--simulate", "-c", str(file)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as agent:
        (first,) = heard(listener, "limpet/one-simulated/batch")
        write("two")
        agent.send_signal(signal.SIGHUP)
        info, second = heard(listener, "limpet/two-simulated/info", "limpet/two-simulated/batch")
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(5) == 0
        assert "Traceback" not in agent.stderr.read()
    assert (first["seq"], second["seq"]) == (1, 1)
    assert first["bootId"] != second["bootId"]
    assert info["previous"]["bootId"] == first["bootId"]
    assert info["previous"]["clean"]
