"""What a subscriber can know: the ledger, the picture, and `limpet watch` at a real broker."""

import asyncio
import io
import json
from argparse import Namespace

import pytest

from agent.broker import Address
from agent.broker.embedded import EmbeddedBroker
from agent.broker.link import PahoLink
from agent.broker.subscriber import ConnectionChange, Received
from agent.cli.main import main
from agent.cli.watch import address, broker_of
from agent.cli.watching import text
from agent.cli.watching.ledger import Ledger
from agent.cli.watching.picture import Picture
from agent.config import ConfigError

NOW = 1_780_000_000.0


def taken(*numbers: int) -> Ledger:
    ledger = Ledger()
    for number in numbers:
        ledger.take("pi", "boot", number)
    return ledger


class TestTheLedger:
    def test_finds_nothing_wrong_with_a_sequence_without_gaps(self):
        ledger = taken(1, 2, 3)
        assert (ledger.received, ledger.missing, ledger.duplicates) == (3, 0, 0)

    def test_counts_what_is_missing_until_it_comes_late(self):
        ledger = taken(1, 2, 5)
        assert ledger.missing == 2
        assert ledger.gaps("pi") == [("boot", 3, 4)]
        ledger.take("pi", "boot", 4)
        assert ledger.gaps("pi") == [("boot", 3, 3)]
        ledger.take("pi", "boot", 3)
        assert (ledger.missing, ledger.duplicates) == (0, 0)

    def test_counts_what_came_twice_once(self):
        ledger = taken(1, 2, 2, 1)
        assert (ledger.received, ledger.duplicates) == (2, 2)

    def test_does_not_miss_what_was_before_it_listened(self):
        ledger = taken(100, 101)
        assert ledger.missing == 0
        assert ledger.take("pi", "boot", 7)
        assert not ledger.take("pi", "boot", 7)

    def test_keeps_runs_apart(self):
        ledger = taken(7, 8)
        ledger.take("pi", "next boot", 1)
        assert (ledger.missing, ledger.received) == (0, 3)

    @pytest.mark.parametrize("order", ["declared first", "seen first"])
    def test_does_not_call_missing_what_was_declared_lost(self, order):
        ledger = taken(1) if order == "declared first" else taken(1, 5)
        ledger.declare("pi", "boot", 2, 4)
        ledger.take("pi", "boot", 6)
        assert (ledger.missing, ledger.declared) == (0 if order == "seen first" else 1, 3)


def batch(seq: int, *, kind: str = "batch", fault: dict | None = None, **more: object) -> Received:
    document = {
        "deviceId": "pi",
        "bootId": "boot",
        "seq": seq,
        "trigger": "interval",
        "degraded": fault is not None,
        "readings": [{"sensorId": "air", "quantity": "temperature", "value": 21.44, "unit": "°C", "status": "ok"}],
        "unavailableSensors": ["tank"] if fault else [],
        "faults": [{"sensorId": "tank", **fault}] if fault else [],
        **more,
    }
    return Received(f"limpet/pi/{kind}", json.dumps(document).encode(), False, NOW + seq)


FAULT = {"error": "NoAcknowledge", "breaker": "open", "retryAfter": 9.0, "since": "2026-05-28T20:26:30.000Z"}


class TestPartsOfASensor:
    def seen(self, *parts: tuple[str, str]) -> Picture:
        """Return a picture of `air`, whose temperature was told beside these parts: (quantity, error)."""
        faults = [
            {"sensorId": "air", "quantity": quantity, "error": error, "message": "x", "attempts": 1}
            | {"breaker": "closed", "retryAfter": None, "since": "2026-05-28T20:26:40.000Z"}
            for quantity, error in parts
        ]
        picture = Picture()
        picture.take(batch(1))
        picture.take(batch(2, faults=faults))
        return picture

    def test_that_are_missing_make_it_partial_and_say_why(self):
        air = self.seen(("humidity", "InvalidReading")).devices["pi"].sensors["air"]
        assert (air.status, air.error, text.values(air)) == ("partial", "InvalidReading", "21.4 °C")

    def test_that_are_beyond_their_range_are_no_bad_news(self):
        picture = self.seen(("humidity", "BeyondRange"))
        assert picture.devices["pi"].sensors["air"].status == "partial"
        assert {one.tone for one in picture.events if "air" in one.text} == {"plain"}

    def test_of_which_none_is_told_are_beyond_range_not_silent(self):
        picture = self.seen()
        fault = {"sensorId": "air", "quantity": "temperature", "error": "BeyondRange", "message": "x", "attempts": 1}
        fault |= {"breaker": "closed", "retryAfter": None, "since": "2026-05-28T20:26:40.000Z"}
        message = batch(3, readings=[], faults=[fault])
        document = picture.take(message)
        air = picture.devices["pi"].sensors["air"]
        assert (air.status, text.values(air)) == ("beyond_range", "–")
        assert "air temperature is beyond its range" in text.batch(document, NOW, 0)


class TestThePicture:
    def test_shows_values_faults_and_breakers(self):
        picture = Picture()
        picture.take(batch(1, fault=FAULT))
        air, tank = picture.devices["pi"].sensors["air"], picture.devices["pi"].sensors["tank"]
        assert text.values(air) == "21.4 °C"
        assert (tank.status, tank.error, text.values(tank)) == ("unavailable", "NoAcknowledge", "–")
        assert text.breaker(tank, NOW + 1) == "open (9 s)"

    def test_tells_what_changes_and_only_that(self):
        picture = Picture()
        for seq, fault in ((1, FAULT), (2, FAULT)):
            picture.take(batch(seq, fault=fault))
        assert not picture.events
        tank = {"sensorId": "tank", "quantity": "a0", "value": 1.2, "unit": "V", "status": "ok"}
        picture.take(batch(3, readings=[tank]))
        assert [one.text for one in picture.events] == ["tank is back", "tank is trusted again (breaker closed)"]

    def test_makes_no_news_of_the_retained_state(self):
        picture = Picture()
        state = b'{"degraded": true, "sensors": {"air": {"status": "unavailable", "temperature": null}}}'
        picture.take(Received("limpet/pi/state", state, True, NOW))
        assert picture.devices["pi"].sensors["air"].status == "unavailable"
        picture.take(batch(1))
        assert not picture.events

    def test_does_not_take_history_for_the_present(self):
        picture = Picture()
        picture.take(batch(2))
        picture.take(batch(1, kind="backfill", fault=FAULT))
        assert not picture.devices["pi"].degraded
        assert picture.devices["pi"].late == 1

    def test_returns_a_batch_once(self):
        picture = Picture()
        assert picture.take(batch(1)) is not None
        assert picture.take(batch(1)) is None

    @pytest.mark.parametrize("payload", [b"no json", b"[]", b'{"seq": 1}', b'{"seq": 1, "readings": [{}]}', b"\xff"])
    def test_survives_what_others_send(self, payload):
        picture = Picture()
        assert picture.take(Received("limpet/pi/batch", payload, False, NOW)) is None or payload == b'{"seq": 1}'
        picture.take(Received("limpet", payload, False, NOW))

    def test_knows_declared_gaps(self):
        picture = Picture()
        picture.take(batch(1))
        picture.take(batch(4))
        gap = json.dumps({"bootId": "boot", "from": 2, "to": 3, "reason": "full"}).encode()
        picture.take(Received("limpet/pi/gap", gap, False, NOW))
        assert (picture.ledger.missing, picture.ledger.declared) == (0, 2)
        assert "lost: full" in picture.events[-1].text

    def test_counts_late_ones_in_one_line(self):
        picture = Picture()
        picture.take(batch(4))
        for seq in (1, 2, 3):
            picture.take(batch(seq, kind="backfill"))
        assert [one.text.split()[0] for one in picture.events] == ["3"]


def test_the_screen_fits_a_small_terminal():
    rich = pytest.importorskip("rich.console")
    from agent.cli.watching.table import screen

    picture = Picture()
    picture.line(ConnectionChange(True), NOW)
    picture.take(batch(1, fault=FAULT))
    console = rich.Console(width=80, height=24, record=True, file=io.StringIO())
    console.print(screen(picture, NOW + 2, (80, 24), title="limpet watch"))
    shown = console.export_text().splitlines()
    assert len(shown) <= 23
    assert any("tank" in line and "unavailable" in line and "open (8 s)" in line for line in shown)


def test_a_batch_in_one_line():
    document = json.loads(batch(7, fault=FAULT, historical=True).payload)
    assert text.batch(document, NOW, 2).endswith("pi #7 late degraded: air 21.4 °C, tank unavailable  [2 missing]")


def arguments(**more: object) -> Namespace:
    names = ("config", "host", "port", "username", "password_file", "tls_ca", "mqtt")
    return Namespace(**{**dict.fromkeys(names), **more})


class TestWhichBroker:
    def test_is_that_of_the_configuration(self, tmp_path):
        file = tmp_path / "limpet.toml"
        file.write_text('[mqtt]\nhost = "there"\nport = 1884\nusername = "me"\nversion = "3.1.1"\n')
        where = address(arguments(), broker_of(arguments(config=str(file))))
        assert (where.host, where.port, where.username, where.version) == ("there", 1884, "me", "3.1.1")

    def test_is_localhost_where_there_is_none(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("LIMPET_CONFIG", raising=False)
        where = address(arguments(), broker_of(arguments()))
        assert (where.host, where.port, where.tls) == ("localhost", 1883, None)

    def test_is_what_was_said(self, tmp_path):
        secret = tmp_path / "secret"
        secret.write_text("word\n")
        said = arguments(host="here", username="you", password_file=secret, tls_ca=tmp_path / "ca.pem")
        where = address(said, broker_of(said))
        assert (where.host, where.port, where.username, where.password) == ("here", 8883, "you", "word")

    def test_a_wrong_configuration_is_no_reason_to_guess(self, tmp_path):
        file = tmp_path / "limpet.toml"
        file.write_text("[mqtt\n")
        with pytest.raises(ConfigError):
            broker_of(arguments(config=str(file)))


@pytest.fixture
def broker():
    """An embedded broker that keeps an agent's state and status."""
    pytest.importorskip("iotcore")
    made = EmbeddedBroker()

    async def publish() -> None:
        await made.up()
        link = PahoLink(Address(made.host, made.port, "agent"))
        await link.connect()
        await link.publish("limpet/pi/status", b"online", retain=True)
        await link.publish("limpet/pi/state", b'{"degraded": false, "sensors": {}}', retain=True)
        await link.close()

    asyncio.run(publish())
    yield made
    made.close()


def test_watch_prints_each_message_as_one_line_of_json(broker, capsys):
    assert main(["watch", "--host", broker.host, "--port", str(broker.port), "--json", "--count", "2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["topic"]: line["payload"] for line in lines} == {
        "limpet/pi/status": "online",
        "limpet/pi/state": {"degraded": False, "sensors": {}},
    }
    assert all(line["receivedAt"].endswith("Z") for line in lines)


def test_watch_without_a_terminal_prints_what_happens(broker, capsys):
    assert main(["watch", "--host", broker.host, "--port", str(broker.port), "--device", "pi", "--count", "2"]) == 0
    assert "pi is online" in capsys.readouterr().out
