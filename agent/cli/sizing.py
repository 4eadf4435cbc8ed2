"""What a configuration costs before it runs: bytes, card writes, hours of outage, time of a round."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from agent import config
from agent.acquisition.derived import Derivation
from agent.acquisition.vote import common
from agent.clock import rfc3339
from agent.config.bus_load import loads
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.model import Batch, Reading, Window
from drivers import catalog
from drivers.chip import Quantity

DAY = 86400.0
GOLDEN = 0.618034  # of the range: a value with as many digits as real ones have
BOOT_ID = "4be0643f-0d6c-4f0e-9b1a-0123456789ab"
SEQ = 1_000_000
MQTT = 12  # bytes: fixed header 3, topic length 2, packet id 2, properties 1, PUBACK 4
# SQLite, WAL + FULL on ext4 with 4 KiB blocks, as counted at the block device: a commit of one batch of 1 KiB writes
# 36.5 kB, a commit of ten writes 65 kB.
COMMIT, COMMIT_PER_BYTE = 33_300, 3.1
ALMOST = 1e-6  # of an interval
GROUPED = 10.0  # seconds between two commits during an outage, with durability "outage"


@dataclass(frozen=True, slots=True)
class Round:
    """All sensors of one interval.

    Attributes:
        interval, worst_time: seconds; the worst time is that of the slowest sensor or of the busiest bus.
        limited_by: that sensor or bus.
        batch_bytes: of the payload. wire_bytes: with topic, MQTT's own bytes and the PUBACK, without TCP/IP and TLS.
        rest_bytes: likewise, on average, while no value moves out of its deadband.
    """

    interval: float
    sensors: tuple[str, ...]
    readings: int
    batch_bytes: int
    wire_bytes: int
    worst_time: float
    limited_by: str = ""
    rest_bytes: float = 0.0

    @property
    def per_day(self) -> float:
        """Batches a day."""
        return DAY / self.interval

    @property
    def fits(self) -> bool:
        """Whether it is over before the next one is due, whatever fails."""
        return self.worst_time <= self.interval


def plan_round(settings: config.Config, interval: float) -> Round:
    """Return the sizes of the round with this interval, from a batch as it will be sent."""
    sensors = [sensor for sensor in settings.sensors if sensor.every == interval]
    readings = tuple(reading for sensor in sensors for reading in _readings(settings, sensor))
    batch = Batch(0.0, "interval", interval, tuple(sensor.id for sensor in sensors), readings)
    size = _size(settings, batch)
    slowest = max(sensors, key=lambda one: one.worst_time)
    worst, limited_by = slowest.worst_time, slowest.id
    busiest = max(loads(sensors), key=lambda one: one.busy, default=None)
    if busiest is not None and busiest.busy > worst:
        worst, limited_by = busiest.busy, busiest.bus
    around = len(Topics(settings.mqtt.topic_root, settings.agent.device_id).batch.encode()) + MQTT
    rest = _at_rest(settings, batch, sensors, size)
    return Round(interval, batch.sensors, len(readings), size, size + around, worst, limited_by, rest + around)


def _size(settings: config.Config, batch: Batch) -> int:
    device = settings.agent.device_id
    document = payloads.batch(batch, device_id=device, boot_id=BOOT_ID, seq=SEQ, synced=True, stamp=rfc3339)
    return len(payloads.encode(document))


def _at_rest(settings: config.Config, batch: Batch, sensors: Sequence[config.SensorConfig], full: int) -> float:
    """Return the bytes of a batch while nothing moves: between two heartbeats it only names what has a deadband."""
    bands = {sensor.id: sensor for sensor in sensors if sensor.deadband}
    if not bands or batch.interval is None:
        return full

    def with_beat_of(name: str) -> int:
        resting = [one for one in batch.readings if one.sensor != name and _rests(bands, one)]
        names = tuple(sorted(f"{one.sensor}.{one.quantity}" for one in resting))
        kept = tuple(one for one in batch.readings if one not in resting)
        return _size(settings, batch._replace(readings=kept, unchanged=names))

    least = with_beat_of("")
    rounds = {name: math.ceil(one.heartbeat / batch.interval - ALMOST) for name, one in bands.items()}
    return least + sum((with_beat_of(name) - least) / max(1, count) for name, count in rounds.items())


def _rests(bands: Mapping[str, config.SensorConfig], one: Reading) -> bool:
    return one.sensor in bands and one.quantity in bands[one.sensor].deadband


def _readings(settings: config.Config, sensor: config.SensorConfig) -> list[Reading]:
    values = [(one, typical(one)) for one in _quantities(settings, sensor) or (Quantity("value"),)]
    count = 0 if sensor.sample is None else max(1, round(sensor.every / sensor.sample))
    return [
        Reading(sensor.id, one.name, value, one.unit, window=Window(value, value, count, 0) if count else None)
        for one, value in values
    ]


def _quantities(settings: config.Config, sensor: config.SensorConfig) -> Sequence[Quantity]:
    """Return what a sensor measures and derives, or what all members of a vote do."""
    if sensor.is_vote:
        members = [one for one in settings.sensors if one.id in sensor.voters]
        measured: Sequence[Quantity] = common([_quantities(settings, one) for one in members])
    else:
        measured = catalog.open_chip(sensor.driver, None, sensor.address, **sensor.arguments()).quantities
    return (*measured, *Derivation(sensor.derive).quantities(measured))


def sample_by_sample(settings: config.Config) -> float:
    """Return the bytes of a day on the wire if each sample were sent as a reading."""
    alone = replace(settings, sensors=tuple(replace(one, every=one.period, sample=None) for one in settings.sensors))
    rounds = [plan_round(alone, every) for every in {one.every for one in alone.sensors}]
    return sum(one.wire_bytes * one.per_day for one in rounds)


def typical(quantity: Quantity) -> float:
    """Return a value with as many digits as the agent gives to this quantity: a tenth of what the chip can tell."""
    low, high = max(quantity.low, -1e4), min(quantity.high, 1e4)
    digits = 6 if quantity.step <= 0 else max(0, 1 - math.floor(math.log10(quantity.step)))
    return round(low + GOLDEN * (high - low), digits)


def planned(settings: config.Config, rounds: Sequence[Round]) -> dict[str, Any]:
    """Return the whole plan. Bytes, seconds, hours; per day where it says so."""
    readings = sum(one.readings * one.per_day for one in rounds)
    wire_bytes = sum(one.wire_bytes * one.per_day for one in rounds)
    return {
        "rounds": [_round(one) for one in rounds],
        "buses": [
            {
                "bus": one.bus,
                "sensors": [sensor.id for sensor in one.sensors],
                "busy": round(one.busy, 3),
                "interval": one.interval,
                "share": round(one.share, 3),
                "limited_by": max(one.sensors, key=lambda sensor: loads([sensor])[0].share).id,
                "fits": one.fits,
            }
            for one in loads(settings.sensors)
        ],
        "batches_per_day": round(sum(one.per_day for one in rounds)),
        "wire_bytes_per_day": round(wire_bytes),
        "wire_bytes_per_day_at_rest": round(sum(one.rest_bytes * one.per_day for one in rounds)),
        "wire_bytes_per_day_sample_by_sample": round(sample_by_sample(settings)),
        "wire_bytes_per_reading": round(wire_bytes / readings, 1) if readings else None,
        "outbox": {
            "durability": settings.outbox.durability,
            "max_size": settings.outbox.max_size,
            "hours_of_outage": hours(settings.outbox, rounds),
            "limited_by": outage_limit(settings.outbox, rounds),
            "hours_to_catch_up": catching_up(settings.outbox, rounds),
        },
        "card_bytes_per_day": card(settings.outbox.durability, rounds),
    }


def _round(one: Round) -> dict[str, Any]:
    known = {name: value for name, value in asdict(one).items() if name != "rest_bytes"}
    return {**known, "worst_time": round(one.worst_time, 3), "fits": one.fits}


def hours(outbox: config.OutboxConfig, rounds: Sequence[Round]) -> float | None:
    """Return the hours of outage that fit into the outbox before it gives a batch up; None if there is no batch."""
    per_hour = sum(one.batch_bytes * one.per_day for one in rounds) / 24
    return round(min(outbox.max_size / per_hour, outbox.max_age / 3600), 1) if per_hour else None


def outage_limit(outbox: config.OutboxConfig, rounds: Sequence[Round]) -> str | None:
    """Return the key of [outbox] that ends an outage without a loss first; None if there is no batch."""
    per_second = sum(one.batch_bytes / one.interval for one in rounds)
    if not per_second:
        return None
    return "max_size" if outbox.max_size / per_second < outbox.max_age else "max_age"


def catching_up(outbox: config.OutboxConfig, rounds: Sequence[Round]) -> float | None:
    """Return the hours in which the history of the longest outage is delivered; None if there is no batch."""
    outage = hours(outbox, rounds)
    if outage is None:
        return None
    return round(outage * sum(1 / one.interval for one in rounds) / outbox.backfill_rate, 1)


def card(durability: str, rounds: Sequence[Round]) -> dict[str, int]:
    """Return the bytes written to the card in a day with the broker, and in a day without."""
    online = written(rounds, grouped=False) if durability == "always" else 0
    outage = 0 if durability == "memory" else written(rounds, grouped=durability == "outage")
    return {"online": online, "outage": outage}


def written(rounds: Sequence[Round], *, grouped: bool) -> int:
    """Return the bytes that a day writes to the card, each batch in a commit of its own or grouped."""
    batches = sum(one.per_day for one in rounds)
    commits = min(batches, DAY / GROUPED) if grouped else batches
    return round(commits * COMMIT + COMMIT_PER_BYTE * sum(one.batch_bytes * one.per_day for one in rounds))


def size(count: float) -> str:
    """Return bytes for people.

    >>> size(512), size(64_000_000)
    ('512 B', '64 MB')
    """
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= power:
            return f"{count / power:.3g} {unit}"
    return f"{count:.0f} B"
