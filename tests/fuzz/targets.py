"""What is fuzzed: each target takes any bytes, hands them to a part that strangers can reach, and judges what it does.

A target returns when the promise was kept, and raises otherwise. It keeps nothing from one call to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import socket
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h11
from whole import FILE, Whole, whole

from agent import config
from agent.broker import Address, BrokerError, Facts, Message
from agent.broker.connection import Connection
from agent.messages import blocks
from agent.simulation import scenario_file
from agent.simulation.devices import DeviceOnBus
from agent.web.answers import Answers
from agent.web.server import Server
from drivers import PermanentError, TransientError, crc, open_chip
from drivers.chip import Driver
from drivers.conformance.bench import I2C_DRIVERS, EventfulBus, bench
from tests.conftest import VirtualRunner

REQUESTS = ("read", "reset", "info", "resend", "reload")
ALLOWED = FILE + f"[commands]\nallow = {json.dumps(REQUESTS)}\n"
# A value may be so much beyond its range, for rounding, as `Quantity.judge` allows.
ROUNDING = 0.001


def configuration(data: bytes) -> None:
    """Any text: a configuration, or mistakes, each with what is wrong and a cure."""
    settings, mistakes = config.parse(data.decode("utf-8", "replace"), "/limpet/limpet.toml")
    assert settings is not None or any(not one.is_warning for one in mistakes)
    for one in mistakes:
        assert one.what, one
        assert one.fix, one
        assert one.line >= 0, one
        assert str(one)


THERE = SimpleNamespace(feels=("temperature", "humidity"), suffers=DeviceOnBus.suffers)


def scenario(data: bytes) -> None:
    """Any text: a scenario, or mistakes, each with what is wrong and a cure."""
    text = data.decode("utf-8", "replace")
    mistakes: tuple[config.Mistake, ...] | None = None
    try:
        scenario_file.parse(text, "/bad-day.toml", {"air": THERE, "tank": THERE}, {"i2c-1": THERE}, ends=86400.0)
    except config.ConfigError as error:
        mistakes = error.mistakes
    assert mistakes != ()
    assert all(one.what and one.fix and one.line >= 0 for one in mistakes or ())


class Home:
    """An agent that runs in virtual time, for all requests."""

    def __init__(self) -> None:
        self.runner, self._running = VirtualRunner(), whole(ALLOWED)
        self.agent: Whole = self.runner.run(self._running.__aenter__())

    def close(self) -> None:
        """Stop the agent."""
        self.runner.run(self._running.__aexit__(None, None, None))
        self.runner.close()


home = cache(Home)


def request(data: bytes) -> None:
    """Any payload on any request's topic: one answer, and the agent goes on."""
    runner, agent = home().runner, home().agent
    name = REQUESTS[data[0] % len(REQUESTS)] if data else "read"
    agent.broker.received.clear()

    async def ask() -> Any:
        return await agent.ask(
            name, data[1:], correlation=data[:4], response_topic=data[4:40].decode("utf-8", "replace")
        )

    with contextlib.suppress(IndexError):
        runner.run(ask())
    answers = [one for one in agent.broker.received if one.topic.startswith("limpet/pi/response/")]
    assert len(answers) == 1, answers
    answer = json.loads(answers[0].payload)
    assert set(answer) == {"transaction", "status", "data", "error"}
    assert (answer["status"], answer["error"] is None) in (("ok", True), ("error", False))


class _Writer:
    """Keeps what the server wrote."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data


def http(data: bytes) -> None:
    """Any bytes from a browser: a whole answer of HTTP, or none where the client left before it had asked."""

    async def serve() -> bytes:
        server = Server(("127.0.0.1", 1), Answers(home().agent.agent.status, lambda: True, "127.0.0.1"), lambda: None)
        reader, writer = asyncio.StreamReader(), _Writer()
        reader.feed_data(data)
        reader.feed_eof()
        await server._serve(h11.Connection(h11.SERVER), reader, writer)  # type: ignore[arg-type]
        return writer.sent

    sent = home().runner.run(serve())
    if not sent:
        return
    talk = h11.Connection(h11.CLIENT)
    talk.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    talk.receive_data(sent)
    head = talk.next_event()
    assert isinstance(head, h11.Response)
    assert head.status_code in (200, 400, 403, 404, 405, 413, 414, 431, 501, 503, 505), head


def chip(data: bytes) -> None:
    """Any answer of a chip on I2C, also one with right checksums, or the true one with wrong bits."""
    name = I2C_DRIVERS[data[0] % len(I2C_DRIVERS)] if data else I2C_DRIVERS[0]
    way, stream = data[1:2] or b"\0", bytearray(data[2:])

    def answer(wire: EventfulBus, address: int, sent: bytes, length: int | None) -> bytes:
        if length is None or way[0] % 4 == 3:
            true = wire.through(address, sent, length)
            noise = _taken(stream, len(true))
            return bytes(a ^ b for a, b in zip(true, noise, strict=True))
        taken = _taken(stream, length)
        if way[0] % 4 == 0 or length % 3:
            return taken
        start = 0xFF if way[0] % 4 == 1 else 0x00
        words = (taken[at : at + 2] for at in range(0, length, 3))
        return b"".join(word + bytes([crc.crc8(word, start=start)]) for word in words)

    with bench(name) as one:
        if data and data[0] >= 128:
            one.outcome()
        one.bus.rule = answer
        for _ in range(2):
            _told(one.driver)


def _taken(stream: bytearray, length: int) -> bytes:
    """Take bytes from a stream; zeros where it has ended."""
    taken = bytes(stream[:length])
    del stream[:length]
    return taken.ljust(length, b"\0")


def _told(driver: Driver) -> None:
    """Read; what is told is finite and within its range, whatever else is a named error."""
    try:
        values = driver.read()
    except (TransientError, PermanentError):
        return
    known = {quantity.name: quantity for quantity in driver.quantities}
    for name, value in values.items():
        quantity = known[name]
        assert math.isfinite(value), (name, value)
        slack = [min(quantity.step, ROUNDING * abs(end)) + 1e-6 for end in (quantity.low, quantity.high)]
        assert quantity.low - slack[0] <= value <= quantity.high + slack[1], (name, value, quantity)
    assert all(isinstance(one, TransientError | PermanentError) for one in driver.missing.values())


FILES = ("name", "in_temp_raw", "in_temp_scale", "in_temp_offset", "in_humidityrelative_input", "in_pressure_input")


def kernel(data: bytes) -> None:
    """Any text in the files of a kernel's sensor."""
    parts = data.split(b"\xff")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        device = root / "sys/bus/iio/devices/iio:device0"
        device.mkdir(parents=True)
        files = (
            "name",
            "in_temp_raw",
            "in_temp_scale",
            "in_temp_offset",
            "in_humidityrelative_input",
            "in_pressure_input",
        )
        for name, content in zip(files, [*parts, *[b"1"] * len(FILES)], strict=False):
            (device / name).write_bytes(content)
        (root / "w1_slave").write_bytes(parts[0])
        (root / "proc").mkdir()
        for name in ("loadavg", "meminfo"):
            (root / "proc" / name).write_bytes(parts[-1])
        for driver in (
            open_chip("ds18b20", path=root / "w1_slave"),
            open_chip("iio", path=device),
            open_chip("dht", path=device),
            open_chip("host", root=str(root)),
        ):
            driver.sleep = lambda seconds: None
            _told(driver)


# A CONNACK without properties, of MQTT 5: everything after it comes from a broker that has let us in.
CONNACK = bytes.fromhex("2003000000")


def broker(data: bytes) -> None:
    """Any bytes from a broker: the session goes on, or ends with a reason; all that waits is told."""
    asyncio.run(_session(data))


async def _session(data: bytes) -> None:
    crashed: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: crashed.append(context))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ended: list[BrokerError] = []
    address = Address("broker", 1883, client_id="fuzz", version="3.1.1" if data[:1] == b"\x01" else "5")
    heard: list[Message] = []
    talk = Connection(address, None, ours, "broker:1883", ended.append)
    talk.begin()
    try:
        theirs.send(data[1:])
        await _until_read(ours)
        waiting = [
            talk.publish("a/b", b"x", retain=False, content_type=None, correlation=None),
            talk.subscribe("#", heard.append, retained=True),
        ]
        with contextlib.suppress(OSError):
            theirs.send(data[1:])
        await _until_read(ours)
        talk.end(BrokerError("the test ends"))
    finally:
        theirs.close()
    assert not crashed, crashed
    assert len(ended) == 1
    assert isinstance(ended[0], BrokerError)
    assert str(ended[0]), repr(ended[0])
    _settled(talk.accepted, Facts)
    for future in waiting:
        _settled(future, int)


def _settled(future: asyncio.Future[Any], kind: type) -> None:
    assert future.done()
    error = future.exception()
    assert isinstance(error, BrokerError) if error is not None else isinstance(future.result(), kind)


async def _until_read(sock: socket.socket) -> None:
    """Let the loop run until it has read all that was sent."""
    for _ in range(50):
        await asyncio.sleep(0)
        if sock.fileno() < 0:
            return
        try:
            if not sock.recv(1, socket.MSG_PEEK):
                return
        except BlockingIOError:
            return


def block(data: bytes) -> None:
    """Any payload on `batch` or `backfill`: its lines, bounded, or a ValueError."""
    with contextlib.suppress(ValueError):
        lines = blocks.lines(data)
        assert sum(map(len, lines)) <= max(blocks.MOST_BYTES, len(data))


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (configuration, scenario, request, http, chip, kernel, broker, block)
}

ROOT = Path(__file__).parents[2]


def seeds(target: str) -> list[bytes]:
    """Return inputs to begin with, for a fuzzer that would take hours to find them."""
    if target == "configuration":
        files = (ROOT / "deploy/limpet.toml", ROOT / "tests/agent/config/golden/mistakes.toml")
        return [file.read_bytes() for file in files]
    if target == "scenario":
        return [file.read_bytes() for file in (ROOT / "deploy/scenarios").glob("*.toml")]
    return {
        "request": [
            bytes([n]) + b'{"transaction": "1", "sensors": ["air"], "bootId": "x"}' for n in range(len(REQUESTS))
        ],
        "http": [b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"],
        "chip": [bytes([n, n]) + bytes(range(64)) for n in range(2 * len(I2C_DRIVERS))],
        "kernel": [b"72 01 4b 46 : crc=00 YES\n72 01 t=23125\n", b"\xff".join([b"x", b"-12", b"0.5", b"40", b"45000"])],
        "broker": [b"\0" + CONNACK + bytes.fromhex("300600016100787840020001900400020000e00180"), b"\1\x20\x02\0\0"],
        "block": [blocks.block([b"{}", b"{}"])],
    }[target]
