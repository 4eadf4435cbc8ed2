"""Number a batch, encode it, put it into the outbox: the only place where all three meet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from agent.acquisition.deadband import Deadbands
from agent.clock import Clock
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.model import Batch
from agent.outbox import Item, Outbox

from .status import Identity

log = logging.getLogger("limpet")


class Recorder:
    """Takes the finished batches of one run. Runs on the loop.

    Args:
        recorded: called after each batch, when the present has changed.

    Attributes:
        outbox: where the batches go.
        seq: the number of the last batch. Numbers count from 1 without a gap.
    """

    def __init__(
        self,
        identity: Identity,
        topics: Topics,
        clock: Clock,
        outbox: Outbox,
        recorded: Callable[[], object],
    ) -> None:
        self.identity, self.seq = identity, 0
        self._topics, self._clock, self.outbox, self._recorded = topics, clock, outbox, recorded
        self._deadbands: Deadbands | None = None

    def use(self, deadbands: Deadbands | None) -> None:
        """Leave out of later batches what hardly moves; each value is sent once more first. None: leave out nothing."""
        self._deadbands = deadbands
        self.outbox.delivered = self._delivered

    def _delivered(self, item: Item) -> None:
        if self._deadbands is not None and item.run_id == self.identity.run_id:
            self._deadbands.acknowledged(item.seq)

    def record(self, batch: Batch) -> dict[str, Any]:
        """Number and store a batch; return it as published."""
        if self._deadbands is not None:
            batch = self._deadbands.applied(batch, self.seq + 1)
        document = payloads.batch(
            batch,
            device_id=self._topics.device_id,
            boot_id=self.identity.run_id,
            seq=self.seq + 1,
            synced=self._clock.synced(),
            stamp=self._clock.stamp,
        )
        if self.identity.simulated:
            document = payloads.simulated(document)
        body = payloads.encode(document)
        # After encoding, so that a batch that cannot be encoded leaves no gap in the numbers.
        self.seq += 1
        kernel_boot = self._clock.kernel_boot
        self.outbox.put(Item(self.identity.run_id, self.seq, batch.due, kernel_boot, body, self._topics.device))
        log.debug("batch", extra={"seq": self.seq, "bytes": len(body)})
        self._recorded()
        return document
