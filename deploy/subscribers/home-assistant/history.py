"""Brings what Limpet delivers late into Home Assistant's statistics: python history.py --help

Home Assistant takes every MQTT message for the present, so whatever was measured while the broker was away leaves a
hole in its graphs. This program keeps the last weeks of readings in a small SQLite file. Once an hour into which
history fell is over, it writes the mean, minimum and maximum of that hour into the long-term statistics of the entity.

Needs: pip install 'paho-mqtt>=2' websockets. An hour is written when Home Assistant has written its own row for it, and
only where it keeps statistics, whose unit and kind of mean are taken from there. Counters are left alone: their next
value includes what was counted meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

HOUR = 3600
# Home Assistant writes an hour's row within minutes of its end, and would not replace one that is already there.
SETTLED = 360
# Days longer than an agent keeps what waits, unless configured otherwise.
KEPT = 35 * 24 * HOUR
# From this version on `mean_type` and `unit_class` are asked for; before, they are refused.
NEW_METADATA = (2025, 11)
MOST_BYTES = 16 * 1024 * 1024
# Units in which Home Assistant may keep what Limpet sends in another one: (factor, offset).
CONVERSIONS = {
    ("°C", "°F"): (1.8, 32.0),
    ("hPa", "inHg"): (0.0295299830714, 0.0),
    ("hPa", "mbar"): (1.0, 0.0),
    ("hPa", "mmHg"): (0.750061683, 0.0),
    ("hPa", "psi"): (0.0145037738, 0.0),
    ("mm", "cm"): (0.1, 0.0),
    ("mm", "in"): (1 / 25.4, 0.0),
    ("mm", "m"): (0.001, 0.0),
}
TABLES = """
CREATE TABLE IF NOT EXISTS entity (id INTEGER PRIMARY KEY, name TEXT UNIQUE, unit TEXT);
CREATE TABLE IF NOT EXISTS reading (entity, at REAL, value REAL, low, high, n, PRIMARY KEY (entity, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS late (entity, hour INTEGER, PRIMARY KEY (entity, hour)) WITHOUT ROWID;
"""


class Memory:
    """Readings of the last weeks, and the hours that history has reached. An entity's name is its unique id."""

    def __init__(self, file: str) -> None:
        self._rows = sqlite3.connect(file, timeout=60)
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.executescript(TABLES)

    def take(self, batch: dict[str, Any]) -> None:
        """Keep a batch on disk. One that comes twice changes nothing."""
        if batch.get("simulated") or batch["clock"] == "unsynced":
            return
        late = batch.get("historical", False)
        with self._rows:
            for reading in (one for one in batch["readings"] if one["status"] == "ok"):
                entity = self._entity(
                    f"{batch['deviceId']}/{reading['sensorId']}/{reading['quantity']}", reading["unit"]
                )
                at = seconds(reading.get("timestamp", batch["timestamp"]))
                self._add((entity, at, reading["value"], *(reading.get(name) for name in ("min", "max", "n"))), late)
            # With a deadband: measured, and so little changed that the last value stands for it.
            for name in batch.get("unchanged", []):
                entity, at = (
                    self._entity(f"{batch['deviceId']}/{name.replace('.', '/', 1)}"),
                    seconds(batch["timestamp"]),
                )
                if (value := self._before(entity, at)) is not None:
                    self._add((entity, at, value, None, None, None), late)

    def due(self, now: float) -> list[tuple[str, int]]:
        """Return the hours that history has reached and that Home Assistant is done with."""
        ask = "SELECT name, hour FROM late JOIN entity ON entity = id WHERE hour <= ?"
        return self._rows.execute(ask, (now - HOUR - SETTLED,)).fetchall()

    def row(self, name: str, hour: int) -> dict[str, Any]:
        """Return mean, minimum, maximum and unit of everything measured in this hour, live or late."""
        ask = """SELECT sum(value * ifnull(n, 1)) / sum(ifnull(n, 1)) AS mean, min(ifnull(low, value)) AS min,
                 max(ifnull(high, value)) AS max, unit
                 FROM reading JOIN entity ON entity = id WHERE name = ? AND at >= ? AND at < ?"""
        found = self._rows.execute(ask, (name, hour, hour + HOUR))
        return dict(zip((column[0] for column in found.description), found.fetchone(), strict=True))

    def done(self, name: str, hour: int) -> None:
        """Forget that an hour is due."""
        with self._rows:
            which = "entity = (SELECT id FROM entity WHERE name = ?) AND hour = ?"
            self._rows.execute(f"DELETE FROM late WHERE {which}", (name, hour))

    def forget(self, before: float) -> None:
        """Forget what was measured before this moment."""
        with self._rows:
            self._rows.execute("DELETE FROM reading WHERE at < ?", (before,))
            self._rows.execute("DELETE FROM late WHERE hour < ?", (before,))

    def _entity(self, path: str, unit: str | None = None) -> int:
        name = f"limpet/{path}"
        known = "ON CONFLICT (name) DO UPDATE SET unit = ifnull(excluded.unit, unit) RETURNING id"
        added = self._rows.execute(f"INSERT INTO entity (name, unit) VALUES (?, ?) {known}", (name, unit))
        return next(iter(added.fetchall()))[0]

    def _add(self, row: tuple[Any, ...], late: bool) -> None:
        added = self._rows.execute("INSERT OR IGNORE INTO reading VALUES (?, ?, ?, ?, ?, ?)", row).rowcount
        if late and added:
            self._rows.execute("INSERT OR IGNORE INTO late VALUES (?, ?)", (row[0], row[1] // HOUR * HOUR))

    def _before(self, entity: int, at: float) -> float | None:
        ask = "SELECT value FROM reading WHERE entity = ? AND at < ? ORDER BY at DESC LIMIT 1"
        found = self._rows.execute(ask, (entity, at)).fetchone()
        return None if found is None else found[0]


def batches(payload: bytes) -> Iterator[dict[str, Any]]:
    """Yield the batches in one message: a batch, or a block of them (zlib)."""
    text = zlib.decompressobj().decompress(payload, MOST_BYTES) if payload[:1] == b"\x78" else payload
    for line in text.splitlines():
        yield json.loads(line)


def seconds(stamp: str) -> float:
    """Return the POSIX time of a stamp."""
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


class Session:
    """A session of Home Assistant's WebSocket API.

    Attributes:
        version: of Home Assistant: (2025, 4).

    Raises:
        ConnectionRefusedError: the token is wrong.
    """

    def __init__(self, socket: ClientConnection, token: str) -> None:
        self._socket, self._id = socket, 0
        socket.recv()
        socket.send(json.dumps({"type": "auth", "access_token": token}))
        answer = json.loads(socket.recv())
        if answer["type"] != "auth_ok":
            raise ConnectionRefusedError("Home Assistant refuses the token; make one in your profile, under Security")
        self.version = tuple(int(part) for part in answer["ha_version"].split(".")[:2])

    def ask(self, command: dict[str, Any]) -> Any:
        """Return the result of a command; raises RuntimeError if it is refused."""
        self._id += 1
        self._socket.send(json.dumps({"id": self._id, **command}))
        answer = json.loads(self._socket.recv())
        if not answer["success"]:
            raise RuntimeError(f"{command['type']}: {answer['error']['message']}")
        return answer["result"]


@contextmanager
def session(url: str, token: str) -> Iterator[Session]:
    """Log in to Home Assistant."""
    from websockets.sync.client import connect

    with connect(url.replace("http", "ws", 1).rstrip("/") + "/api/websocket", max_size=None) as socket:
        yield Session(socket, token)


def bring(memory: Memory, url: str, token: str) -> None:
    """Write all hours that are due."""
    if not (due := memory.due(time.time())):
        return
    with session(url, token) as home:
        registry = home.ask({"type": "config/entity_registry/list"})
        entities = {one["unique_id"]: one["entity_id"] for one in registry if one["platform"] == "mqtt"}
        known = {one["statistic_id"]: one for one in home.ask({"type": "recorder/list_statistic_ids"})}
        for entity, hour in due:
            # Where Home Assistant has no statistics, the hour waits until it has, or until its readings are too old.
            if (kept := known.get(entities.get(entity, ""))) is not None:
                if (command := import_command(kept, hour, memory.row(entity, hour), home.version)) is not None:
                    home.ask(command)
                    print(f"{kept['statistic_id']}: {command['stats'][0]}", flush=True)
                memory.done(entity, hour)


def import_command(
    kept: dict[str, Any], hour: int, row: dict[str, Any], version: tuple[int, ...]
) -> dict[str, Any] | None:
    """Return what imports an hour into the statistics that Home Assistant keeps; None for a sum, or a strange unit."""
    unit = kept["statistics_unit_of_measurement"]
    factor, offset = (1.0, 0.0) if unit == (row["unit"] or None) else CONVERSIONS.get((row["unit"], unit), (None, 0.0))
    if kept["has_sum"] or factor is None or row["mean"] is None:
        print(f"{kept['statistic_id']}: left alone, kept in {unit}, measured in {row['unit']}", file=sys.stderr)
        return None
    new = {"mean_type": 1, "unit_class": kept.get("unit_class")}
    metadata = {
        "has_sum": False,
        "name": None,
        "source": "recorder",
        "statistic_id": kept["statistic_id"],
        "unit_of_measurement": unit,
        **(new if version >= NEW_METADATA else {"has_mean": True}),
    }
    values = {name: row[name] * factor + offset for name in ("mean", "min", "max")}
    start = datetime.fromtimestamp(hour, UTC).isoformat()
    return {"type": "recorder/import_statistics", "metadata": metadata, "stats": [{"start": start, **values}]}


def listen(options: argparse.Namespace) -> mqtt.Client:
    """Begin to keep what arrives. The broker holds it back while this program is away: the session is a lasting one."""
    memory: list[Memory] = []

    def arrived(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        # It is acknowledged when this function returns: then it is on disk.
        memory[:] = memory or [Memory(options.file)]
        try:
            for batch in batches(message.payload):
                memory[0].take(batch)
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            print(f"{message.topic}: no batch: {error!r}", file=sys.stderr)

    def connected(client: mqtt.Client, *_about: object) -> None:
        for name in ("batch", "backfill"):
            client.subscribe(f"{options.topic_root}/+/{name}", qos=1)

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "limpet-home-assistant", clean_session=False)
    client.username_pw_set(options.username, os.environ.get("LIMPET_MQTT_PASSWORD"))
    client.on_connect, client.on_message = connected, arrived
    if options.ca_file:
        client.tls_set(options.ca_file)
    client.connect_async(options.host, options.port)
    client.loop_start()
    return client


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(
        description="Limpet's history into Home Assistant's statistics.",
        epilog="environment: HASS_TOKEN, a long-lived access token of an administrator; LIMPET_MQTT_PASSWORD",
    )
    parser.add_argument("--host", default="localhost", help="the broker (%(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="its port (%(default)s)")
    parser.add_argument("--username", help="for the broker")
    parser.add_argument("--ca-file", help="who signed the broker's certificate; with it the connection is encrypted")
    parser.add_argument("--topic-root", default="limpet", help="(%(default)s)")
    parser.add_argument("--url", default="http://homeassistant.local:8123", help="Home Assistant (%(default)s)")
    parser.add_argument("--file", default="limpet-history.db", help="where readings are kept (%(default)s)")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two looks at what is due")
    return parser.parse_args()


def main() -> None:
    """Keep and bring, until interrupted."""
    from websockets.exceptions import WebSocketException

    options, token = arguments(), os.environ["HASS_TOKEN"]
    listen(options)
    memory, forgot = Memory(options.file), 0.0
    while True:
        time.sleep(options.every)
        if time.time() - forgot > HOUR:
            memory.forget(time.time() - KEPT)
            forgot = time.time()
        try:
            bring(memory, options.url, token)
        except (OSError, RuntimeError, WebSocketException) as error:
            print(f"Home Assistant took nothing, tried again in {options.every:g} s: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
