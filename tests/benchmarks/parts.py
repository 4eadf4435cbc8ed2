"""Rows about single parts: bytes on the wire, transfers of a reading, conversions that overlap."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from random import Random

from rows import Row
from stage import Stage

from agent.acquisition.bus import GuardedBus
from agent.acquisition.collector import Collector
from agent.acquisition.sensor import Sensor
from agent.acquisition.turn import COUNTED
from agent.clock import rfc3339
from agent.messages import payloads
from agent.model import Batch, Reading
from agent.resilience import CircuitBreaker, RetryPolicy
from drivers import open_chip
from drivers.bus.worker import BusWorker
from drivers.chip import Driver, Quantity
from drivers.chip import Reading as Measuring
from drivers.fakes import FakeBus, fake_chip

TRANSFERS = {"bme280": 4, "aht20": 2, "sht4x": 2, "ina219": 3, "ads1115": 16}
BYTES = {5: 110.0, 50: 95.0}
TOPIC = "limpet/greenhouse-1/batch"
MQTT = 12  # bytes: fixed header 3, topic length 2, packet id 2, properties 1, PUBACK 4
BOOT = "4be0643f-0d6c-4f0e-9b1a-0123456789ab"
CONVERSION = 0.010  # seconds


class Slow(Driver):
    """A sensor that converts for 10 ms."""

    name, quantities = "slow", (Quantity("temperature", "°C"),)

    def measure(self) -> Measuring:
        """Return a temperature, later."""
        yield CONVERSION
        return {"temperature": 21.5}


def rows(stage: Stage, runs: int, seconds: float) -> Iterator[Row]:
    """Measure and yield the rows."""
    for count, budget in BYTES.items():
        yield Row(f"bytes of a reading on the wire, {count} sensors", on_the_wire(count), "B", budget)
    for name, budget in TRANSFERS.items():
        yield Row(f"transfers of a reading, {name}", transfers(name), "", budget)
    yield Row("ten conversions of 10 ms on one bus", asyncio.run(overlapping(10 * runs)), "ms", 25)


def on_the_wire(count: int) -> float:
    """Return the bytes of a batch with its acknowledgement, for each of so many readings."""
    readings = tuple(Reading(f"sensor-{i}", "temperature", round(20 + 0.01 * i, 2), "°C") for i in range(count))
    batch = Batch(1.0, "interval", 10.0, tuple(r.sensor for r in readings), readings)
    document = payloads.batch(batch, device_id="greenhouse-1", boot_id=BOOT, seq=123456, synced=True, stamp=rfc3339)
    return (len(payloads.encode(document)) + len(TOPIC) + MQTT) / count


def transfers(name: str) -> int:
    """Return the transfers of a reading once the chip is set up, rounded up to the worst of five."""
    chip = fake_chip(name)
    bus = FakeBus({chip.addresses[0]: chip})
    driver, most = open_chip(name, bus), 0
    driver.read()
    for _ in range(5):
        before = bus.transfers
        driver.read()
        most = max(most, bus.transfers - before)
    bus.close()
    return most


async def overlapping(rounds: int) -> float:
    """Return the median milliseconds of a round of ten slow sensors on one bus."""
    breaker = CircuitBreaker(1, 5.0, rng=Random(1))
    buses = {"i2c-1": GuardedBus("i2c-1", BusWorker("i2c-1"), breaker)}
    due = [(_sensor(f"s{i}"), "i2c-1") for i in range(10)]
    collector, took = Collector(buses, time.monotonic), []
    for _ in range(rounds):
        began = time.monotonic()
        batch = await collector.collect(due, "interval", 1.0)
        took.append(1e3 * (time.monotonic() - began))
        if batch.degraded:
            raise SystemExit(f"a slow sensor is not a missing one: {batch.faults}")
    buses["i2c-1"].close()
    return sorted(took)[len(took) // 2]


def _sensor(name: str) -> Sensor:
    breaker = CircuitBreaker(3, 30.0, exceptions=COUNTED, rng=Random(1))
    retry = RetryPolicy(3, 0.1, 2.0, rng=Random(1))
    return Sensor(name, Slow(), every=1.0, timeout=0.5, breaker=breaker, retry=retry, clock=time.monotonic)
