"""The limit: the least asyncio program that does the job without any resilience. Started by the benchmarks.

One thread per bus, the true driver, one JSON batch a round, paho with QoS 1 and TCP_NODELAY.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cheap
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from drivers.chips.lm75 import Lm75

WINDOW = 16


def connected(port: int) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, "limit")
    client.on_socket_open = lambda _client, _data, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def read_all(chips: list[tuple[str, Lm75]]) -> list[dict[str, Any]]:
    return [
        {"sensorId": name, "quantity": quantity, "value": value, "unit": "°C"}
        for name, chip in chips
        for quantity, value in chip.read().items()
    ]


async def main(port: int, count: int, every: float, open_bus: Any) -> None:
    loop, client, buses = asyncio.get_running_loop(), connected(port), {}
    for name, number, address in cheap.places(count):
        _, bus, chips = buses.setdefault(number, (ThreadPoolExecutor(1), open_bus(number), []))
        chips.append((name, Lm75(bus, address)))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, os._exit, 0)
    tick = loop.time()
    while True:
        parts = await asyncio.gather(
            *(loop.run_in_executor(pool, read_all, chips) for pool, _, chips in buses.values())
        )
        batch = {"timestamp": time.time(), "readings": [reading for part in parts for reading in part]}
        client.publish("bench/limit/batch", json.dumps(batch, ensure_ascii=False), 1)
        while len(client._out_messages) >= WINDOW:  # noqa: ASYNC110
            await asyncio.sleep(0)
        tick = max(tick + every, loop.time() - every)
        await asyncio.sleep(tick - loop.time() if every else 0)


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    opened = cheap.opener(settings["page"], settings["hertz"], settings["hang"])
    asyncio.run(main(settings["port"], settings["count"], settings["every"], opened))
