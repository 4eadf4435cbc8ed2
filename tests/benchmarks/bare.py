"""The leanest limit: a thread per bus, one prepared ioctl a reading, paho on the loop, one JSON object a round.

No driver, no check, no resilience, nothing that waits for a broker that is away. Started by the benchmarks, on buses
in C.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any

import cheap
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from drivers.bus.lasting import Query

WINDOW = 16


class Bus(threading.Thread):
    """Reads all its sensors whenever it is asked."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, sensors: list[tuple[str, int]]) -> None:
        super().__init__(daemon=True)
        self.loop, self.descriptor, self.sensors = loop, descriptor, sensors
        self.asked: SimpleQueue[asyncio.Future[dict[str, float]]] = SimpleQueue()
        self.start()

    def ask(self) -> asyncio.Future[dict[str, float]]:
        future: asyncio.Future[dict[str, float]] = self.loop.create_future()
        self.asked.put(future)
        return future

    def run(self) -> None:
        query, descriptor = Query(b"\x00", 2), self.descriptor
        while True:
            future = self.asked.get()
            values = {
                name: int.from_bytes(query.ask(descriptor, address), "big") / 256 for name, address in self.sensors
            }
            self.loop.call_soon_threadsafe(future.set_result, values)


async def connected(port: int, taken: asyncio.Event) -> Client:
    """Return a client that the loop drives."""
    loop, accepted = asyncio.get_running_loop(), asyncio.Event()

    def opened(client: Client, _data: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.add_reader(sock, client.loop_read)

    client = Client(CallbackAPIVersion.VERSION2, "bare")
    client.on_socket_open = opened
    client.on_socket_register_write = lambda _client, _data, sock: loop.add_writer(sock, client.loop_write)
    client.on_socket_unregister_write = lambda _client, _data, sock: loop.remove_writer(sock)
    client.on_connect = lambda *_: accepted.set()
    client.on_publish = lambda *_: taken.set()
    client.connect("127.0.0.1", port)
    await accepted.wait()
    return client


async def main(port: int, count: int, every: float, open_bus: Any) -> None:
    loop, taken = asyncio.get_running_loop(), asyncio.Event()
    client = await connected(port, taken)
    sensors: dict[int, list[tuple[str, int]]] = {}
    for name, number, address in cheap.places(count):
        sensors.setdefault(number, []).append((name, address))
    buses = [Bus(loop, open_bus(number).fd, its) for number, its in sensors.items()]
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, os._exit, 0)
    tick = loop.time()
    while True:
        values: dict[str, float] = {}
        for part in [bus.ask() for bus in buses]:
            values |= await part
        client.publish("bench/bare/batch", json.dumps({"t": time.time(), "r": values}), 1)
        while len(client._out_messages) >= WINDOW:
            taken.clear()
            await taken.wait()
        tick = max(tick + every, loop.time() - every)
        await asyncio.sleep(tick - loop.time() if every else 0)


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    asyncio.run(main(settings["port"], settings["count"], settings["every"], cheap.opener(settings["page"])))
