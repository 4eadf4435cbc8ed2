"""A `Link` over paho: hosts and addresses are tried in turn until a broker lets us in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from functools import partial

from . import Address, BrokerError, BrokerLost, BrokerTimeout, Facts, Handler
from .connection import Connection
from .diagnosis import diagnose
from .dial import Credentials, Socket, open_socket, read_credentials, resolve
from .errors import together
from .futures import failed
from .route import Route, Target
from .threads import off_loop

FILES = 5.0  # seconds for password and TLS files
CONNECT = 10.0  # seconds for a name, and for TCP and TLS together
CONNACK = 5.0
DIAGNOSIS = 3.0


class PahoLink:
    """A `Link` over TCP, TLS or a WebSocket.

    Args:
        route: remembers which address worked; links to the same broker share one.
        thorough: find out why a connection failed even at the price of further connections.
        take: gets all messages, whatever they were subscribed by; what a kept session delivers comes before any
            subscription is answered. None: each goes to the handlers of its subscriptions.

    Attributes:
        where: host and port of the broker that let us in; empty before.
        failures: what went wrong before, at other hosts and addresses.
    """

    def __init__(
        self, address: Address, route: Route | None = None, *, thorough: bool = False, take: Handler | None = None
    ) -> None:
        self.address, self.route, self._thorough, self._take = address, route or Route(), thorough, take
        self.lost: asyncio.Future[BrokerError] = asyncio.get_running_loop().create_future()
        self._connection: Connection | None = None
        self.where = ""
        self.failures: list[BrokerError] = []

    @property
    def facts(self) -> Facts:
        """What the broker said, or what `obey` said since."""
        return self._connection.facts if self._connection is not None else Facts(version=self.address.version)

    async def connect(self) -> Facts:
        """Open the connection.

        Raises:
            BrokerError: it could not be opened anywhere; the link is used up.
        """
        try:
            credentials = await self._credentials()
            async with contextlib.aclosing(self._targets()) as targets:
                async for target, others in targets:
                    if await self._lets_in(target, credentials, others=others):
                        return self.facts
            self.route.failed()
            raise together(self.failures)
        except BaseException:
            self.abort()
            raise

    def obey(self, facts: Facts) -> None:
        """Take these for what the broker can do."""
        if self._connection is not None:
            self._connection.facts = facts

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        content_type: str | None = None,
        correlation: bytes | None = None,
    ) -> asyncio.Future[int]:
        """Send with QoS 1, or with what the broker has; see `Link`."""
        if self._connection is None:
            return failed(BrokerLost("not connected"))
        return self._connection.publish(
            topic, payload, retain=retain, content_type=content_type, correlation=correlation
        )

    def subscribe(self, topic_filter: str, handler: Handler, *, retained: bool = False) -> asyncio.Future[int]:
        """Ask for messages; the handler runs on the loop; see `Link`."""
        if self._connection is None:
            return failed(BrokerLost("not connected"))
        return self._connection.subscribe(topic_filter, handler, retained=retained)

    def acknowledge(self, identifier: int) -> None:
        """Tell the broker that a message is safe here, where the session is kept; see `Address.session_expiry`."""
        if self._connection is not None:
            self._connection.acknowledge(identifier)

    def listen(self, ready: bool) -> None:
        """Take what the broker sends, or leave it for a while: then it has to wait. The connection stays."""
        if self._connection is not None:
            self._connection.listen(ready)

    def echo(self) -> asyncio.Future[int]:
        """Return a future that is done as soon as the broker has read everything that was sent so far."""
        return failed(BrokerLost("not connected")) if self._connection is None else self._connection.echo()

    async def close(self) -> None:
        """Say good-bye and close, within a second."""
        if self._connection is not None:
            await self._connection.close()
        self.abort()

    def abort(self) -> None:
        """Close without a word, at once."""
        reason = BrokerLost("closed by us")
        if self._connection is not None:
            self._connection.end(reason)
        self._lose(reason)

    def _lose(self, reason: BrokerError) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)

    async def _credentials(self) -> Credentials:
        try:
            return await off_loop(partial(read_credentials, self.address), FILES)
        except TimeoutError:
            raise BrokerTimeout(f"password and TLS files could not be read within {FILES:g} s") from None

    async def _targets(self) -> AsyncGenerator[tuple[Target, bool], None]:
        """Yield what to try, and whether more remains; a name that cannot be resolved is one of `failures`."""
        hosts = self.route.hosts(self.address.hosts)
        for number, host in enumerate(hosts, 1):
            others = number < len(hosts) or self.route.knows(host)
            seconds = self.route.seconds(CONNECT, others=others)
            found: list[Target] = []
            try:
                found = await off_loop(partial(resolve, host, self.address.port), seconds)
            except TimeoutError:
                self.failures.append(BrokerTimeout(f"no answer about the name {host} within {seconds:g} s"))
            except BrokerError as error:
                self.failures.append(error)
            targets = self.route.targets(host, found)
            for count, target in enumerate(targets, 1):
                yield target, number < len(hosts) or count < len(targets)

    async def _lets_in(self, target: Target, credentials: Credentials, *, others: bool) -> bool:
        """Return whether a broker lets us in at one address; if not, `failures` has one more."""
        try:
            self._connection = await self._attempt(target, credentials, others=others)
        except BrokerError as error:
            self.failures.append(await self._explained(error, target, credentials))
            return False
        self.route.worked(target)
        self.where = target.name
        return True

    async def _attempt(self, target: Target, credentials: Credentials, *, others: bool) -> Connection:
        """Return a session with the broker at one address."""
        seconds = self.route.seconds(CONNECT, others=others)
        opening = partial(open_socket, self.address, target, credentials.context, seconds)
        try:
            opened = await off_loop(opening, seconds, late=_close)
        except TimeoutError:
            raise BrokerTimeout(f"no connection to {target.name} within {seconds:g} s") from None
        connection = Connection(self.address, credentials.password, opened, target.name, self._connection_ended)
        connection.take = self._take
        try:
            await self._accepted(connection, target, self.route.seconds(CONNACK, others=others))
        except BaseException:
            connection.end(BrokerLost("closed by us"))
            raise
        return connection

    async def _accepted(self, connection: Connection, target: Target, seconds: float) -> None:
        connection.begin()
        try:
            async with asyncio.timeout(seconds):
                await connection.accepted
        except TimeoutError:
            raise BrokerTimeout(f"{target.name} took the connection but sent no CONNACK in {seconds:g} s") from None

    async def _explained(self, error: BrokerError, target: Target, credentials: Credentials) -> BrokerError:
        """Return what a diagnosis finds, if the broker did not say why, else `error`."""
        if not error.hung_up and getattr(error, "state", "") != "port":
            return error
        asking = partial(diagnose, error, self.address, target, credentials.context, thorough=self._thorough)
        with contextlib.suppress(TimeoutError, BrokerError):
            return await off_loop(asking, DIAGNOSIS)
        return error

    def _connection_ended(self, reason: BrokerError) -> None:
        if reason.answered:
            self._lose(reason)


def _close(opened: Socket) -> None:
    opened.close()
