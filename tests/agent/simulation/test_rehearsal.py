"""A rehearsal: what it plays, what it reports, and that a mistake in the agent never passes it."""

from __future__ import annotations

import itertools
import json
import logging

import pytest

from agent.acquisition.scheduler import Scheduler
from agent.config import ConfigError, parse
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox, retention, storage
from agent.resilience import CircuitBreaker
from agent.service.recorder import Recorder
from agent.service.status import Status
from agent.simulation.promises import Promise
from agent.simulation.rehearsal import plan, rehearse
from agent.simulation.report import text
from drivers.catalog import names

CONFIG = """
[agent]
device_id = "greenhouse-1"
every = "10s"
[[sensor]]
id = "air"
driver = "sht4x"
limits = { temperature = [-20, 60] }
[[sensor]]
id = "tank"
driver = "lm75"
bus = 2
calibrate = { temperature = { scale = 2.0, offset = -0.4 } }
[[sensor]]
id = "door"
driver = "contact"
pin = 17
[[sensor]]
id = "boiler"
driver = "ds18b20"
device = "28-0000075a1b2c"
"""
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
def played(tmp_path):
    """Return a function that rehearses with these faults; None: the built-in bad day."""

    def play(faults: str | None, seconds: float = HOUR, config: str = CONFIG, seed: int | None = None):
        found, mistakes = parse(config)
        assert found is not None, mistakes
        file = None
        if faults is not None:
            file = tmp_path / "scenario.toml"
            file.write_text(faults)
        play.outcome = rehearse(plan(found, file, seconds, seed))
        return play.outcome.report

    return play


def fault(**entries: object) -> str:
    lines = [f"{name.rstrip('_')} = {json.dumps(value)}" for name, value in entries.items()]
    return "\n".join(["[[fault]]", *lines, ""])


class TestTheReport:
    def test_has_the_contracts_shape(self, played):
        document = played(None).document()
        assert set(document) == {"faults", "sensors", "promises"}
        for one in document["faults"]:
            (target,) = set(one) - {"kind", "began", "noticed", "recovered", "seen"}
            assert target in ("sensor", "bus", "broker", "disk", "process", "clock")
            assert one["began"].endswith("Z")
            assert one["seen"]
        assert set(document["sensors"]) == {"air", "tank", "door", "boiler"}
        assert all(0.8 < one["share"] <= 1 for one in document["sensors"].values())
        assert all(set(one) == {"promise", "kept", "evidence"} for one in document["promises"])
        json.dumps(document, allow_nan=False)

    def test_of_the_same_seed_is_the_same(self, played):
        first, digest = played(None), played.outcome.world.ledger.digest
        again = played(None)
        assert first.document() == again.document()
        assert list(text(first)) == list(text(again))
        assert played.outcome.world.ledger.digest == digest
        played(None, seed=8)
        assert played.outcome.world.ledger.digest != digest

    def test_of_nothing_wrong_is_that_all_arrived(self, played):
        report = played("")
        assert report.kept
        assert report.document()["faults"] == []
        assert {one["share"] for one in report.document()["sensors"].values()} == {1.0}

    def test_says_when_a_loose_wire_was_noticed_and_over(self, played):
        (one,) = played(fault(kind="unplugged", sensor="air", at="10m", for_="5m")).document()["faults"]
        assert one["began"] == "2027-01-15T08:10:00.000Z"
        assert "08:10:00" <= one["noticed"][11:19] <= "08:10:11"
        assert "08:15:00" <= one["recovered"][11:19] < "08:17:20"
        assert one["seen"].startswith("unavailable (NoAcknowledge)")

    def test_has_an_entry_each_time_a_fault_comes(self, played):
        found = played(fault(kind="hang", sensor="boiler", at="10m", for_="1m", every="20m")).document()["faults"]
        assert [one["began"][11:16] for one in found] == ["08:10", "08:30", "08:50"]
        assert all(one["noticed"] and one["recovered"] for one in found)

    def test_counts_what_a_sensor_missed(self, played):
        share = played(fault(kind="unplugged", sensor="tank", at="30m")).document()["sensors"]
        assert share["tank"]["share"] == pytest.approx(0.5, abs=0.01)
        assert share["air"]["share"] == 1.0

    def test_is_not_made_up_for_by_the_round_that_a_restart_adds(self, played):
        gone = fault(kind="unplugged", sensor="tank", at="598s", for_="4s")
        killed = fault(kind="killed", process=True, at="1801s")
        assert played(gone + killed).document()["sensors"]["tank"]["share"] < 1.0

    def test_knows_what_lasts_until_the_end_as_never_over(self, played):
        report = played(fault(kind="stuck", bus="i2c-1", at="30m"))
        (one,) = report.document()["faults"]
        assert one["noticed"]
        assert one["recovered"] is None
        assert report.kept

    def test_tells_what_a_broker_that_was_away_did_to_subscribers(self, played):
        (one,) = played(fault(kind="down", broker=True, at="10m", for_="10m")).document()["faults"]
        assert "later as history" in one["seen"]
        assert "never" not in one["seen"]

    @pytest.mark.parametrize("kind", ["killed", "power_cut"])
    def test_sees_a_process_come_back(self, played, kind):
        report = played(fault(kind=kind, process=True, at="10m"))
        (one,) = report.document()["faults"]
        assert one["noticed"] < one["recovered"] < "2027-01-15T08:11:10"
        assert len(played.outcome.world.boots) == 2
        assert report.kept


class TestTheBadDay:
    @pytest.mark.parametrize("seconds", [300.0, HOUR, 6 * HOUR])
    def test_has_one_of_each_and_breaks_no_promise(self, played, seconds):
        report = played(None, seconds)
        assert report.findings.violations == []
        kinds = [one["kind"] for one in report.document()["faults"]]
        for kind in ("flaky", "unplugged", "stuck", "down", "refuses", "full", "killed", "power_cut", "clock_step"):
            assert kind in kinds

    @pytest.mark.parametrize("durability", ["always", "memory"])
    def test_is_survived_with_every_durability(self, played, durability):
        report = played(None, config=f'{CONFIG}\n[outbox]\ndurability = "{durability}"\n')
        assert report.findings.violations == []

    def test_is_survived_by_a_history_in_blocks(self, played):
        report = played(None, config=CONFIG + '\n[outbox]\nbackfill_format = "block"\n')
        assert report.findings.violations == []


def test_it_reaches_nothing_and_leaves_nothing(played, tmp_path, monkeypatch):
    state, run = tmp_path / "state", tmp_path / "run"
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(run))

    def connects(*_: object) -> None:
        raise AssertionError("a rehearsal connects to something")

    monkeypatch.setattr("socket.socket.connect", connects)
    monkeypatch.setattr("socket.socket.bind", connects)
    config = f'{CONFIG}\n[web]\nlisten = "127.0.0.1:8080"\n[mqtt]\nhost = "broker.example"\nusername = "me"\n'
    report = played("", 600.0, config + f'password_file = "{tmp_path}/missing"\n')
    assert report.kept
    assert not state.exists()
    assert not run.exists()
    assert played.outcome.world.machine._folder is not None
    assert not tmp_path.joinpath(played.outcome.world.machine._folder.name).exists()


class TestWhatCannotBePlayed:
    @pytest.mark.parametrize(
        ("faults", "what"),
        [
            (fault(kind="unplugged", sensor="air", at="2h"), "4: at: it lies after the end: the run takes 1h"),
            (fault(kind="corrupt", sensor="door"), 'door cannot suffer "corrupt"'),
            (fault(kind="down", disk=True), 'a disk cannot suffer "down"'),
            (fault(kind="full"), "its target is missing"),
            (fault(kind="killed", process=True, every="10m", for_="20m"), "comes again before it is over"),
            (fault(kind="down", broker=True, every="10m"), "never ends"),
        ],
    )
    def test_is_a_mistake_before_it_begins(self, played, faults, what):
        with pytest.raises(ConfigError) as caught:
            played(faults)
        assert what in str(caught.value)
        assert len(caught.value.mistakes) == 1

    def test_is_a_disk_where_nothing_is_kept_on_one(self, played):
        with pytest.raises(ConfigError, match=r"cannot let the disk fail\n.*another durability"):
            played(fault(kind="full", disk=True), config=CONFIG + '\n[outbox]\ndurability = "memory"\n')


# ---- mistakes in the agent


def never_degraded(monkeypatch):
    true = payloads.batch
    monkeypatch.setattr(payloads, "batch", lambda *a, **more: true(*a, **more) | {"degraded": False})


def whole_degrees(monkeypatch):
    true = payloads.batch

    def batch(*args, **more):
        document = true(*args, **more)
        for reading in document["readings"]:
            reading["value"] = float(round(reading["value"]))
        return document

    monkeypatch.setattr(payloads, "batch", batch)


def history_as_the_present(monkeypatch):
    monkeypatch.setattr(Topics, "backfill", Topics.batch)


def a_number_left_out(monkeypatch):
    true = Recorder.record

    def record(self, batch):
        self.seq += self.seq == 100
        return true(self, batch)

    monkeypatch.setattr(Recorder, "record", record)


def batches_forgotten(monkeypatch):
    true, numbers = Outbox.put, itertools.count()
    monkeypatch.setattr(Outbox, "put", lambda self, item: true(self, item) if next(numbers) % 50 else None)


def seldom_on_the_disk(monkeypatch):
    monkeypatch.setattr(storage, "GROUP_SECONDS", 300.0)
    monkeypatch.setattr(retention, "KEEP_EVERY", 300.0)


def a_breaker_that_stays_open(monkeypatch):
    monkeypatch.setattr(CircuitBreaker, "succeeded", lambda self, _: None)


def rounds_that_drift(monkeypatch):
    monkeypatch.setattr(Scheduler, "_at", lambda self, interval, number: self.began + number * interval * 1.01)


def an_old_present(monkeypatch):
    true, first = Status.state, {}
    monkeypatch.setattr(Status, "state", lambda self: first.setdefault(self, []).append(true(self)) or first[self][0])


def wrong_units(monkeypatch):
    true = payloads.batch

    def batch(*args, **more):
        document = true(*args, **more)
        for reading in document["readings"]:
            reading["unit"] = "K" if reading["unit"] == "°C" else reading["unit"]
        return document

    monkeypatch.setattr(payloads, "batch", batch)


DAY = fault(kind="down", broker=True, at="10m", for_="10m") + fault(kind="killed", process=True, at="18m")
DAY += fault(kind="unplugged", sensor="air", at="30m", for_="5m")


@pytest.mark.parametrize(
    ("plant", "promise"),
    [
        (never_degraded, Promise.DEGRADED),
        (whole_degrees, Promise.TRUE),
        (wrong_units, Promise.TRUE),
        (history_as_the_present, Promise.LIVE),
        (a_number_left_out, Promise.NUMBERED),
        (batches_forgotten, Promise.DELIVERED),
        (seldom_on_the_disk, Promise.CRASHES),
        (a_breaker_that_stays_open, Promise.RECOVERED),
        (rounds_that_drift, Promise.PUNCTUAL),
        (an_old_present, Promise.PRESENT),
    ],
)
def test_a_mistake_in_the_agent_breaks_its_promise(played, monkeypatch, plant, promise):
    plant(monkeypatch)
    report = played(DAY)
    broken = {one["promise"] for one in report.document()["promises"] if not one["kept"]}
    assert str(promise) in broken
    assert "promises were broken" in list(text(report))[-1]


def test_without_a_mistake_that_day_breaks_none(played):
    assert played(DAY).findings.violations == []


def test_a_crash_of_the_agent_is_told_as_a_broken_promise(played, monkeypatch):
    def fails(self, *_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Recorder, "record", fails)
    report = played("")
    evidence = {one["promise"]: one["evidence"] for one in report.document()["promises"] if not one["kept"]}
    assert "planted" in evidence[str(Promise.RUNS)]


def test_after_a_crash_of_the_agent_the_day_goes_on(played, monkeypatch):
    true, crashes = Recorder.record, []

    def fails_once(self, batch):
        if self.seq == 100 and not crashes:
            crashes.append(self)
            raise ZeroDivisionError("planted")
        return true(self, batch)

    monkeypatch.setattr(Recorder, "record", fails_once)
    report = played(fault(kind="unplugged", sensor="tank", at="40m", for_="5m"))
    assert set(report.findings.broken) == {Promise.RUNS}
    assert report.document()["faults"][0]["recovered"]
    assert len(played.outcome.world.boots) == 2


# ---- every driver

WIRING = {
    **dict.fromkeys(("contact", "motion", "button", "pulse"), "pin = 17"),
    "distance": "options = { trigger = 23, echo = 24 }",
    "mcp3008": "options = { channel = 2 }",
    **dict.fromkeys(("pms5003", "sds011", "mhz19"), 'port = "/dev/serial0"'),
    "ds18b20": 'device = "28-0000075a1b2c"',
    "iio": 'device = "bme280"',
    "hwmon": 'device = "ds3231"',
}


@pytest.mark.parametrize("driver", names())
def test_every_kind_of_fault_is_played_on_every_driver_that_can_have_it(played, driver):
    config = f'[agent]\nevery = "10s"\n[[sensor]]\nid = "it"\ndriver = "{driver}"\n{WIRING.get(driver, "")}\n'
    found, _ = parse(config)
    if found is None:
        pytest.skip("needs more than a driver's name")
    suffers = plan(found, None, HOUR, 0).suffers["it"]
    kinds = [kind for kind in suffers if kind != "stuck" or driver not in WIRING]
    faults = [fault(kind=kind, sensor="it", at=300 + 420 * index, for_=100) for index, kind in enumerate(kinds)]
    report = played("".join(faults), 300.0 + 420 * len(kinds), config)
    assert report.findings.violations == []
    document = report.document()
    assert all(one["recovered"] for one in document["faults"])
    noticed = {one["kind"] for one in document["faults"] if one["noticed"]}
    assert noticed >= {"unplugged", "nack", "hang", "bug"} & set(kinds)
    assert 0.3 < document["sensors"]["it"]["share"] < 1.0
