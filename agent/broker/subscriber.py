"""A subscriber: what other programs see of the agent, in a thread of its own; it connects again by itself."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from . import FAILURE, Address, BrokerError, BrokerRefused, Message
from .link import PahoLink
from .route import Route
from .threads import background


@dataclass(frozen=True, slots=True)
class Received:
    """One message. `at`: wall time in seconds since 1970; `retained`: the broker had kept it."""

    topic: str
    payload: bytes
    retained: bool
    at: float
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """The connection changed: `up`, or why it is not. `error`: the same as a value; None while it is up."""

    up: bool
    why: str = ""
    error: BrokerError | None = None


class Subscriber:
    """Receives topics, and reports how the connection is.

    Args:
        address: of the broker; its will is not used.
        told: called with each `Received` and `ConnectionChange`, in the subscriber's thread; must be quick and must not
            raise.
        retry: seconds between two attempts to connect, the shortest and the longest.
    """

    def __init__(
        self,
        address: Address,
        topics: Sequence[str],
        told: Callable[[Received | ConnectionChange], object],
        *,
        retry: tuple[float, float] = (0.5, 10.0),
    ) -> None:
        self.address = replace(address, will=None, largest_packet=None)
        self.topics, self.told, self._retry = topics, told, retry
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self) -> None:
        """Connect, now and whenever the connection is lost."""
        background(self._run, "subscriber")

    def stop(self) -> None:
        """Say good-bye. Does not wait for the thread."""
        self._stopped = True
        if self._loop is not None and self._task is not None:
            # Without a running loop the thread has ended.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        route = Route()
        shortest, longest = self._retry
        delay = shortest
        while not self._stopped:
            link = PahoLink(self.address, route)
            try:
                error = await self._listen(link)
                delay = shortest
            except BrokerError as problem:
                error = problem
            finally:
                await link.close()
            self.told(ConnectionChange(False, str(error), error))
            await asyncio.sleep(random.uniform(delay / 2, delay))
            delay = min(longest, 2 * delay)

    async def _listen(self, link: PahoLink) -> BrokerError:
        """Report what comes in on one connection; return why it ended.

        Raises:
            BrokerError: there is no connection, or it ended before the subscriptions were answered.
        """
        await link.connect()
        codes = await asyncio.gather(*(link.subscribe(topic, self._take, retained=True) for topic in self.topics))
        refused = next((code for code in codes if code >= FAILURE), None)
        if refused is None:
            self.told(ConnectionChange(True))
        else:
            text = f"the broker refuses the subscription (reason 0x{refused:02x})"
            self.told(ConnectionChange(False, text, BrokerRefused(text, permanent=True, code=refused)))
        return await link.lost

    def _take(self, message: Message) -> None:
        self.told(Received(message.topic, message.payload, message.retained, time.time(), message.content_type))
