"""`limpet watch` at a terminal: keys, pages at every width, and the whole of it on a pseudo-terminal."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import pytest
from brokers import BrokerInThread, packet

from agent.broker.subscriber import ConnectionChange, Received
from agent.cli.main import main
from agent.cli.watching.browser import Browser, natural
from agent.cli.watching.keys import Keys
from agent.cli.watching.picture import Picture
from agent.messages import blocks

pytest.importorskip("rich")
from agent.cli.watching.pages import screen, trend

NOW = 1_780_000_000.0
STAMP = "2026-05-28T20:26:40.000Z"  # NOW


def reading(sensor, quantity, value, unit="", **more):
    return {"sensorId": sensor, "quantity": quantity, "value": value, "unit": unit, "status": "ok", **more}


AIR = [reading("air", "temperature", 21.44, "°C"), reading("air", "pressure", 913.25, "hPa")]


def document(seq, readings=AIR, **more):
    return {
        "deviceId": "pi",
        "bootId": "boot",
        "seq": seq,
        "timestamp": STAMP,
        "trigger": "interval",
        "degraded": False,
        "readings": readings,
        "unavailableSensors": [],
        "faults": [],
        **more,
    }


def said(kind, body, device="pi", **more):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Received(f"limpet/{device}/{kind}", payload, False, NOW, **more)


@pytest.fixture
def picture():
    made = Picture()
    made.line(ConnectionChange(True), NOW)
    return made


@pytest.fixture
def browser(picture):
    return Browser(picture)


def shown(browser, width=100, height=30, now=NOW):
    return [line.plain for line in screen(browser, now, (width, height))]


def row(lines, word):
    return next(line for line in lines if word in line)


class TestKeys:
    @pytest.mark.parametrize(
        ("data", "keys"),
        [
            (b"j\x1b[A\x1bOBq", ["j", "up", "down", "q"]),
            (b"\x1b[5~\x1b[6~\x1b[H\x1b[F\x1b[1~\x1b[4~", ["page up", "page down", "home", "end", "home", "end"]),
            (b"\r\x7f/\xc3\xa9", ["enter", "backspace", "/", "é"]),
            (b"\x1b[1;5C\x1b[200~x\x00\xff", ["x"]),
            (b"\x1b\x1b[A", ["up"]),
        ],
    )
    def test_are_named(self, data, keys):
        assert [one for one in Keys().feed(data) if one != "esc"] == keys

    def test_may_come_in_pieces(self):
        keys = Keys()
        assert [key for byte in b"\x1b[5~\xc3\xa9" for key in keys.feed(bytes([byte]))] == ["page up", "é"]
        assert not keys.waits

    def test_of_an_escape_alone_is_esc_when_nothing_follows(self):
        keys = Keys()
        assert keys.feed(b"\x1b") == []
        assert keys.waits
        assert (keys.flush(), keys.flush()) == (["esc"], [])


class TestAPageOfADevice:
    def test_names_every_value_with_its_unit(self, picture, browser):
        many = [reading("gas", f"number_{n}", n, "1/cm³") for n in range(9)]
        picture.take(said("batch", document(1, AIR + many)))
        lines = shown(browser)
        assert "21.4 °C" in row(lines, "air temperature").replace("  ", " ")
        assert all(f"number_{n}" in "".join(lines) for n in range(9))

    @pytest.mark.parametrize("width", range(20, 301, 7))
    def test_keeps_value_and_unit_at_any_width(self, picture, browser, width):
        long = [reading("a-sensor-with-a-very-long-name", "vapour_pressure_deficit", 1.234, "kPa")]
        picture.take(said("batch", document(1, AIR + long)))
        lines = shown(browser, width)
        assert all(len(line) <= width for line in lines)
        for value in ("21.4 °C", "913.2 hPa", "1.23 kPa"):
            assert any(value in " ".join(line.split()) for line in lines), value

    def test_names_what_is_missing_and_why(self, picture, browser):
        fault = {"sensorId": "air", "attempts": 1, "breaker": "closed", "retryAfter": None, "since": STAMP}
        faults = [
            fault | {"quantity": "humidity", "error": "InvalidReading", "message": "x"},
            fault | {"quantity": "current", "error": "BeyondRange", "message": "3.2 A or more"},
        ]
        picture.take(said("batch", document(1, faults=faults)))
        lines = shown(browser)
        assert row(lines, "air humidity").split()[2:] == ["–", "missing", "0", "s", "InvalidReading"]
        assert "3.2 A or more" in row(lines, "air current")

    def test_knows_the_quantities_of_the_retained_state(self, picture, browser):
        entry = {"status": "partial", "timestamp": STAMP, "temperature": 20.5, "humidity": None}
        quantities = [{"name": "temperature", "unit": "°C", "kind": None}, {"name": "humidity", "unit": "%"}]
        picture.take(said("state", {"degraded": True, "sensors": {"air": entry}}))
        picture.take(said("info", {"sensors": [{"id": "air", "driver": "sht4x", "quantities": quantities}]}))
        lines = shown(browser, now=NOW + 240)
        assert row(lines, "air temperature").split()[2:] == ["20.5", "°C", "partial", "4", "min"]
        assert "–" in row(lines, "air humidity")

    @pytest.mark.parametrize(
        ("driver", "value", "word"), [("contact", 1, "closed"), ("contact", 0, "open"), ("x", 1, "1")]
    )
    def test_calls_a_door_open_or_closed(self, picture, browser, driver, value, word):
        picture.take(said("info", {"sensors": [{"id": "door", "driver": driver}]}))
        picture.take(said("batch", document(1, [reading("door", "state", value)])))
        assert row(shown(browser), "door state").split()[2] == word

    def test_shows_an_offline_device_as_offline_with_the_age_of_its_readings(self, picture, browser):
        picture.take(said("batch", document(1)))
        picture.take(said("status", b"offline"))
        lines = screen(browser, NOW + 600, (100, 30))
        assert "pi offline, last heard 10 min ago" in lines[1].plain
        line = next(one for one in lines if "air temperature" in one.plain)
        assert "10 min" in line.plain
        assert "dim" in str(line.style)

    def test_counts_what_is_missing_of_this_device(self, picture, browser):
        for seq in (1, 4):
            picture.take(said("batch", document(seq)))
        assert "2 missing" in shown(browser)[2]
        picture.take(said("gap", {"bootId": "boot", "from": 2, "to": 2, "reason": "full"}))
        assert "1 missing · 1 declared lost" in shown(browser)[2]

    @pytest.mark.parametrize("width", [20, 40, 100])
    def test_never_hides_that_it_is_simulated(self, picture, browser, width):
        picture.take(said("batch", document(1, simulated=True)))
        assert "simulated" in shown(browser, width)[1]
        picture.take(said("status", b"online", "other"))
        browser.press("esc")
        assert row(shown(browser, width), "pi").startswith("~")

    def test_takes_what_has_not_moved_for_measured(self, picture, browser):
        picture.take(said("batch", document(1)))
        late = Received(
            "limpet/pi/batch", json.dumps(document(2, [], unchanged=["air.temperature"])).encode(), False, NOW + 300
        )
        picture.take(late)
        assert "0 s" in row(shown(browser, now=NOW + 300), "air temperature")

    def test_forgets_a_sensor_that_is_configured_no_longer(self, picture, browser):
        picture.take(said("batch", document(1)))
        picture.take(said("state", {"sensors": {"tank": {"status": "unavailable", "timestamp": None}}}))
        assert list(picture.devices["pi"].sensors) == ["tank"]

    def test_draws_a_trend(self):
        assert (trend([1, 2, 3, 4]), trend([5, 5]), trend([1])) == ("▁▃▆█", "▁▁", "")

    def test_hands_no_control_characters_to_the_terminal(self, picture, browser):
        picture.take(said("batch", document(1, [reading("\x1b]0;x\x07", "\x1b[2J", 1, "\x9b")])))
        assert not {c for line in shown(browser) for c in line if not c.isprintable()}


class TestThePageOfAllDevices:
    @pytest.fixture
    def many(self, picture):
        for n in range(1000):
            picture.take(said("batch", document(1, AIR), f"pi-{n}"))
        picture.take(said("status", b"offline", "pi-700"))
        picture.take(said("batch", document(2, unavailableSensors=["tank"]), "pi-40"))

    def test_has_a_line_for_each_with_a_value_at_any_width(self, browser, many):
        for width in (20, 40, 80, 200):
            lines = shown(browser, width, 24)
            assert sum("21.4 °C" in line for line in lines) >= 10
            assert all(len(line) <= width for line in lines)

    @pytest.mark.usefixtures("many")
    def test_is_in_the_order_that_people_expect(self, browser):
        names = [one.name for one in browser.devices()]
        assert names[:3] == ["pi-0", "pi-1", "pi-2"]
        assert natural("pi-10") > natural("pi-9")

    @pytest.mark.usefixtures("many")
    def test_shows_what_is_wrong_first_when_asked_to(self, browser):
        browser.press("end")
        browser.press("s")
        assert [one.name for one in browser.devices()[:2]] == ["pi-700", "pi-40"]
        lines = shown(browser)
        assert "offline" in lines[2]
        assert "tank unavailable" in lines[3]

    @pytest.mark.usefixtures("many")
    def test_scrolls_and_opens_what_is_chosen(self, browser):
        shown(browser)
        for key in ("end", "k", "up", "down", "page up", "page down", "j"):
            browser.press(key)
            shown(browser)
        assert browser.chosen == "pi-999"
        assert any("pi-999" in line for line in shown(browser))
        browser.press("enter")
        assert shown(browser)[1].startswith("pi-999")
        browser.press("backspace")
        assert browser.device is None
        browser.press("home")
        assert browser.chosen == "pi-0"

    @pytest.mark.usefixtures("many")
    def test_is_filtered_by_what_is_typed(self, browser):
        for key in ("/", "9", "9", "8", "x", "backspace", "enter"):
            browser.press(key)
        assert [one.name for one in browser.devices()] == ["pi-998"]
        browser.press("esc")
        assert len(browser.devices()) == 1000

    def test_explains_the_keys_and_quits(self, browser):
        browser.press("?")
        assert any("filter" in line for line in shown(browser))
        browser.press("x")
        browser.press("q")
        assert browser.quitting

    @pytest.mark.parametrize("size", [(1, 1), (5, 3), (20, 6), (300, 100)])
    def test_fits_any_screen(self, browser, picture, size):
        picture.take(said("batch", document(1)))
        for _ in range(2):
            lines = shown(browser, *size)
            assert len(lines) <= size[1]
            assert all(len(line) <= size[0] for line in lines)
            browser.press("esc")


def test_a_block_of_history_counts_each_of_its_batches(picture):
    picture.take(said("batch", document(9)))
    body = blocks.block(json.dumps(document(seq, historical=True)).encode() for seq in (6, 7, 8))
    assert [one["seq"] for one in picture.batches(said("backfill", body))] == [6, 7, 8]
    assert picture.devices["pi"].late == 3
    picture.take(said("backfill", b"\x78 no block"))
    assert picture.events[-1].tone == "bad"


@pytest.fixture
def broker():
    with BrokerInThread() as scripted:
        yield scripted


def at(broker):
    return "--host", "127.0.0.1", "--port", str(broker.port)


@pytest.mark.parametrize(("code", "cure"), [(0x86, "--username"), (0x87, "username"), (0x85, "client_id")])
def test_a_refused_login_ends_with_1_and_a_cure(broker, capsys, code, cure):
    broker.connack = code
    assert main(["watch", *at(broker), "--json"]) == 1
    err = capsys.readouterr().err
    assert f"0x{code:02x}" in err
    assert cure in err.partition("fix: ")[2]


def text(value):
    return len(value).to_bytes(2) + value


class Terminal:
    """`limpet watch` on a pseudo-terminal of 80 columns and 24 lines."""

    def __init__(self, *words, keyboard=None):
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self.before = termios.tcgetattr(slave)
        self.slave, self.seen = slave, b""
        command = [sys.executable, "-m", "agent", "watch", *words]
        environ = {**os.environ, "TERM": "xterm-256color"}
        keyboard = slave if keyboard is None else keyboard
        self.process = subprocess.Popen(command, stdin=keyboard, stdout=slave, stderr=slave, env=environ)

    def until(self, word, seconds=20.0):
        end = time.monotonic() + seconds
        while word.encode() not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.seen[-2000:]
            self.seen += os.read(self.master, 65536)

    def ended(self):
        """Return the exit code, and whether the terminal is as it was."""
        stop = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < stop:
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536)
        with contextlib.suppress(OSError):
            while select.select([self.master], [], [], 0)[0]:
                self.seen += os.read(self.master, 65536)
        left_screen = self.seen.count(b"\x1b[?1049h") == self.seen.count(b"\x1b[?1049l")
        return self.process.poll(), left_screen and termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal():
    with contextlib.ExitStack() as stack:

        def made(*words, **more):
            one = Terminal(*words, **more)
            stack.callback(one.close)
            return one

        yield made


class TestOnATerminal:
    @pytest.fixture
    def watching(self, broker, terminal):
        """A watcher that has seen a batch."""
        one = terminal(*at(broker))
        one.until("none was heard yet")
        topic, body = b"limpet/pi/batch", json.dumps(document(1)).encode()
        broker.send(packet(3, text(topic) + b"\0" + body))
        one.until("21.4")
        return one

    @pytest.mark.parametrize("how", ["q", signal.SIGINT, signal.SIGTERM])
    def test_it_leaves_the_terminal_as_it_was(self, watching, how):
        if how == "q":
            os.write(watching.master, b"q")
        else:
            watching.process.send_signal(how)
        assert watching.ended() == (0, True)

    def test_a_refusal_leaves_it_too_and_is_to_be_read(self, broker, terminal):
        broker.connack = 0x86
        one = terminal(*at(broker), "--username", "pi")
        assert one.ended() == (1, True)
        assert b"mosquitto_passwd" in one.seen.rpartition(b"\x1b[?1049l")[2]

    def test_it_needs_no_keyboard(self, broker, terminal):
        one = terminal(*at(broker), keyboard=subprocess.DEVNULL)
        one.until("none was heard yet")
        one.process.terminate()
        assert one.ended() == (0, True)

    def test_it_ends_after_a_number_of_messages(self, broker, terminal):
        one = terminal(*at(broker), "--count", "1")
        one.until("none was heard yet")
        broker.send(packet(3, text(b"limpet/pi/status") + b"\0online"))
        assert one.ended() == (0, True)
