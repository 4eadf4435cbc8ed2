"""A simulated run shares nothing with the true one: no name, no file, no entity; and each of its documents says so."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from whole import FILE, whole

from agent.cli import main
from agent.clock import Clock
from agent.config import parse
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.service import process
from agent.service.connect import publishing
from agent.service.hardware import RealWorld
from agent.service.runs import run
from agent.simulation.world import SimulatedWorld, apart

CONFIG = """
[agent]
device_id = "pi"
state_dir = "{folder}"
every = "100ms"
[mqtt]
host = "127.0.0.1"
port = 1
[homeassistant]
discovery = true
[[sensor]]
id = "air"
driver = "sht4x"
timeout = "50ms"
"""


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Leave no handler of a run behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STATE_DIRECTORY", "XDG_RUNTIME_DIR", "LIMPET_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    written = tmp_path / "limpet.toml"
    written.write_text(CONFIG.format(folder=tmp_path / "state"))
    return written


class TestItsConfiguration:
    def test_has_names_folders_and_no_discovery_of_its_own(self, file):
        true, simulated = RealWorld(file).load(), SimulatedWorld(file).load()
        assert simulated.agent.device_id == "pi-simulated"
        assert simulated.state_dir({}) == true.state_dir({}) / "simulated"
        assert true.homeassistant.discovery
        assert not simulated.homeassistant.discovery

    def test_follows_the_environment_s_state_folder_into_one_of_its_own(self):
        config, _ = parse(FILE)
        assert config is not None
        assert apart(config, {"STATE_DIRECTORY": "/var/lib/x"}).state_dir({}) == Path("/var/lib/x/simulated")

    @pytest.mark.parametrize(("given", "used"), [(None, "limpet-pi-simulated"), ("mine", "mine-simulated")])
    def test_has_a_session_of_its_own_at_the_broker(self, given, used):
        config, mistakes = parse(f'[mqtt]\nclient_id = "{given}"\n{FILE}' if given else FILE)
        assert config is not None, mistakes
        where = []
        making = publishing(apart(config, {}), Clock(), Random(1), {}, make_link=where.append)
        topics = Topics("limpet", apart(config, {}).agent.device_id)
        making(Outbox("run", lambda: 0.0), topics, lambda _: None)._link(None)
        assert where[0].client_id == used

    def test_is_the_same_after_a_reload(self, file):
        world = SimulatedWorld(file)
        assert world.load() == world.load()


@pytest.mark.parametrize(
    ("environ", "where"),
    [
        ({"RUNTIME_DIRECTORY": "/run/limpet"}, "/run/limpet/simulated/health.json"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/limpet/simulated/health.json"),
        ({}, "/state/simulated/health.json"),
    ],
)
def test_its_health_lies_in_a_folder_of_its_own(environ, where):
    assert process.health_file(Path("/state/simulated"), environ, simulated=True) == Path(where)


def test_its_files_are_apart_and_its_batches_say_that_they_are_invented(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("agent.service.runs.logs.setup", lambda *_: None)
    assert run(SimulatedWorld(file), 3) == 0
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["simulated"]
    health = json.loads((tmp_path / "run" / "simulated" / "health.json").read_text())
    assert (health["deviceId"], health["simulated"]) == ("pi-simulated", True)
    assert main.main(["outbox", "-c", str(file), "--simulate", "--export", "-"]) == 0
    batches = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["seq"] for one in batches] == [1, 2, 3]
    assert all(one["simulated"] and one["deviceId"] == "pi-simulated" for one in batches)
    assert main.main(["outbox", "-c", str(file), "--export", "-"]) == 0
    assert capsys.readouterr().out == ""


def test_every_document_of_simulated_sensors_says_so(runner):
    async def live() -> set[str]:
        async with whole() as home:
            told = {one.name: json.loads(one.payload) for one in home.broker.received if one.name != "status"}
            return {name for name, document in told.items() if document["simulated"] is True}

    assert {"batch", "state", "info", "health"} <= runner.run(live())


def test_a_reading_by_hand_says_so(file, capsys):
    assert main.main(["read", "--simulate", "-c", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["simulated"] is True
    assert main.main(["read", "--simulate", "-c", str(file)]) == 0
    assert "simulated" in capsys.readouterr().err
