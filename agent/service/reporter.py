"""Report how this agent is: `state` and `health` through the publisher, and the file that `limpet status` reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.publisher import Publisher

from .announcer import Announcer
from .changes import Alarms, LastState
from .files import FileThread, NewestContent
from .status import Status

log = logging.getLogger("limpet")

# Seconds after which everything is sent again even if nothing has changed. That includes `online`, which a broker
# replaces with our will when it notices late that an earlier connection broke.
EVERY = 57.0
# Seconds between two checks of what has no event of its own. Each wakes the processor, so they are rare, except while
# the clock is not synced: that changes soon.
LOOK, LOOK_UNSYNCED = 5.0, 1.0
# Seconds in which changes are collected, because one rarely comes alone.
BUNCH = 0.2
FILE_WITHIN = 0.3  # seconds that stopping waits for the file


class Reporter:
    """Sends the documents of one run. Everything runs on the loop.

    Args:
        file: where `health` is written as well; None: nowhere.
        reported: called after `health` was made: something in it may have changed.

    Attributes:
        announcer: publishes `info` and the discovery document when either has changed.
        news: set when anything changed that `health` reports.
        began: set once the first values are there.
    """

    def __init__(
        self,
        status: Status,
        topics: Topics,
        outbox: Outbox,
        announcer: Announcer,
        news: asyncio.Event,
        file: Path | None,
        reported: Callable[[], object],
    ) -> None:
        self._status, self.topics, self._outbox, self.announcer = status, topics, outbox, announcer
        self.news, self.began, self._reported = news, asyncio.Event(), reported
        self._file = NewestContent(file, FileThread(), _not_written) if file is not None else None
        self._alarms = Alarms(status)
        self._state = LastState()
        self._again_at = float("-inf")
        self._looking: asyncio.TimerHandle | None = None

    def use(self, publisher: Publisher) -> None:
        """Send everything through this publisher from now on."""
        self._publisher = publisher
        publisher.on_change = self._connection_changed

    def present(self) -> None:
        """Publish `state`."""
        self._state.sent(self._status.sensors)
        self._publisher.retain(self.topics.state, payloads.encode(self._status.state()))

    def round_ended(self) -> None:
        """Publish `state` if a status changed, or a value by at least the step of its quantity."""
        outdated = self.announcer.is_outdated()
        if outdated:
            self.announcer.announce()
        if outdated or self._state.differs(self._status.sensors):
            self.present()
        self._look()
        self.began.set()

    def storage_changed(self) -> None:
        """Report that the disk failed or recovered. How the previous run ended may be known only now."""
        self.announcer.renew()
        self.news.set()

    def all_again(self) -> None:
        """Publish `state` and `online`, for subscribers that have just come."""
        self.present()
        self._publisher.retain(self.topics.status, b"online")

    async def run(self) -> None:
        """Publish `health` on change, at the end of a backlog, and every minute."""
        await self.began.wait()
        self._look_again()
        try:
            while True:
                self.news.clear()
                if self._status.now() >= self._again_at:
                    self._again_at = self._status.now() + EVERY
                    self.all_again()
                    self.announcer.forget_what_is_withdrawn()
                self._publisher.retain(self.topics.health, self.write())
                if await self._something_new(self._again_at - self._status.now()):
                    await asyncio.sleep(BUNCH)
        finally:
            if self._looking is not None:
                self._looking.cancel()

    def write(self) -> bytes:
        """Write `health` to the file, in a thread; return its content."""
        document = payloads.encode(self._status.health())
        if self._file is not None:
            self._file.write(document)
        self._reported()
        return document

    async def close(self) -> None:
        """Write the file once more, if its disk answers in time."""
        if self._file is not None:
            written = self._file.write(payloads.encode(self._status.health()))
            await asyncio.wait([asyncio.wrap_future(written)], timeout=FILE_WITHIN)

    async def _something_new(self, within: float) -> bool:
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self.news.wait())]
        if self._outbox.waiting > 1:
            waits.append(asyncio.ensure_future(self._outbox.drained()))
        try:
            done, _ = await asyncio.wait(waits, timeout=max(0.0, within), return_when=asyncio.FIRST_COMPLETED)
            return bool(done)
        finally:
            for one in waits:
                one.cancel()

    def _look_again(self) -> None:
        self._look()
        look = LOOK if self._alarms.synced else LOOK_UNSYNCED
        self._looking = asyncio.get_running_loop().call_later(look, self._look_again)

    def _look(self) -> None:
        """Check what changes without an event of its own: storage, clock, and whether anything is degraded."""
        if self._alarms.changed():
            self.news.set()

    def _connection_changed(self) -> None:
        """Renew the retained documents before the session sends them; the file follows a moment later."""
        if self.began.is_set():
            self.present()
            self._publisher.retain(self.topics.health, payloads.encode(self._status.health()))
        self.news.set()


def _not_written(error: OSError) -> None:
    log.debug("health file not written", extra={"error": str(error)})
