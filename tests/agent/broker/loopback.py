"""Brokers on one port of several loopback addresses, and a name server that a test sets."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from brokers import ScriptedBroker

from agent.broker import Address, dial
from agent.broker.link import PahoLink
from agent.broker.route import Route


class World:
    """Brokers on one port of several loopback addresses, and a name server that a test sets.

    Attributes:
        names: the addresses of each name; None: the name server does not answer. Other names are addresses.
    """

    def __init__(self, monkeypatch) -> None:
        self.names: dict[str, list[str] | None] = {}
        self.brokers: dict[str, ScriptedBroker] = {}
        self.port = 0
        self.asked: list[str] = []
        self._resolve = socket.getaddrinfo
        monkeypatch.setattr(dial.socket, "getaddrinfo", self._getaddrinfo)

    def _getaddrinfo(self, host, port, *args, **words):
        if host not in self.names:
            return self._resolve(host, port, *args, **words)
        self.asked.append(host)
        addresses = self.names[host]
        if addresses is None:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [one for address in addresses for one in self._resolve(address, port, *args, **words)]

    @contextlib.asynccontextmanager
    async def brokers_at(self, *addresses: str):
        async with contextlib.AsyncExitStack() as stack:
            for address in addresses:
                broker = self.brokers[address] = ScriptedBroker()
                await stack.enter_async_context(broker.serving(host=address, port=self.port))
                self.port = broker.port
            yield [self.brokers[address] for address in addresses]

    def address(self, host: str, *more: str, **words) -> Address:
        return Address(host, self.port, "limpet-pi", more_hosts=more, **words)

    def connects(self) -> list[int]:
        return [len(broker.connects) for broker in self.brokers.values()]


async def connected(address: Address, route: Route) -> None:
    link = PahoLink(address, route)
    try:
        await link.connect()
    finally:
        link.abort()


def run(story) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))
