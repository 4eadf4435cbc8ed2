"""What is under way: sent, and not acknowledged yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from agent.broker import BrokerError, BrokerLost, BrokerTimeout, Link

from .outgoing import Outgoing
from .pacing import Pacing


class InFlight:
    """The messages of one session that are under way.

    All fields belong to the event loop: the session's task and the callbacks of the link, which runs on the same loop.

    Args:
        settled: called with a message and the reason code of its acknowledgement.
        failed: called when the connection ended, or when an acknowledgement is overdue.
    """

    def __init__(
        self,
        link: Link,
        pacing: Pacing,
        now: Callable[[], float],
        settled: Callable[[Outgoing, int], object],
        failed: Callable[[BrokerError], object],
    ) -> None:
        self._link, self._pacing, self._now = link, pacing, now
        self._settled, self._failed = settled, failed
        self._loop = asyncio.get_running_loop()
        self._messages: dict[asyncio.Future[int], tuple[Outgoing, float]] = {}
        self._deadline: asyncio.TimerHandle | None = None
        self._ended = False

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Outgoing]:
        """Iterate over the messages, the oldest first."""
        return (message for message, _ in self._messages.values())

    def send(self, message: Outgoing) -> None:
        """Publish a message and await its acknowledgement."""
        future = self._link.publish(message.topic, message.payload, retain=message.retain)
        self._messages[future] = message, self._now()
        future.add_done_callback(self._acknowledged)
        if self._deadline is None:
            self._deadline = self._loop.call_later(self._pacing.deadline, self._check_deadline)

    def end(self) -> None:
        """Settle nothing any more. What is under way stays, so that the session can tell what it was."""
        self._ended = True
        if self._deadline is not None:
            self._deadline.cancel()

    def _acknowledged(self, future: asyncio.Future[int]) -> None:
        # Asked for even when nothing follows from it, or asyncio complains that the exception was never retrieved.
        error = BrokerLost("cancelled") if future.cancelled() else future.exception()
        if self._ended or future not in self._messages:
            return
        if error is not None:
            # It stays among the messages: the end of the session asks what was under way.
            self._failed(error if isinstance(error, BrokerError) else BrokerLost(f"cannot publish: {error!r}"))
            return
        message, sent = self._messages.pop(future)
        self._pacing.acknowledged(self._now() - sent)
        self._settled(message, future.result())

    def _check_deadline(self) -> None:
        self._deadline = None
        if not self._messages:
            return
        deadline = self._pacing.deadline
        _, sent = next(iter(self._messages.values()))
        left = sent + deadline - self._now()
        if left > 0:
            self._deadline = self._loop.call_later(left, self._check_deadline)
            return
        self._pacing.overdue()
        self._failed(BrokerTimeout(f"the broker acknowledged nothing within {deadline:.1f} s"))
