"""What a reason code means: delivered, wait, or never."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

from agent.broker import FAILURE, NO_SUBSCRIBERS, TOO_LARGE, BrokerError
from agent.outbox import Gap, Item, Outbox

from .outgoing import Outgoing
from .pacing import Pacing

log = logging.getLogger(__name__)

# Trying again cannot help.
NEVER = {0x87: "refused", 0x90: "refused", 0x99: "refused", TOO_LARGE: "too_large"}
# Connections that one batch may end before it is set aside; the second: where the broker said that its size is why.
POISON, POISON_TOLD = 4, 2
COMPLAIN_AGAIN = 600.0  # seconds


class ReasonCodes:
    """Judges acknowledgements, and passes the result on to the outbox and the pacing.

    Lives as long as the publisher; all fields belong to its event loop.

    Attributes:
        require_subscriber: keep a batch that no client had subscribed to (MQTT 5).
    """

    def __init__(
        self, outbox: Outbox, pacing: Pacing, now: Callable[[], float], require_subscriber: bool = False
    ) -> None:
        self._outbox, self._pacing, self._now = outbox, pacing, now
        self.require_subscriber = require_subscriber
        self._largest_delivered = 0
        # The batch that seems to end connections by its size, and how many it has ended.
        self._suspect: tuple[tuple[str, int], int] | None = None
        self._complain_at: dict[tuple[str, str], float] = {}

    def of_batch(self, item: Item, code: int) -> bool:
        """Settle a batch; return whether it has to be sent again."""
        if code == NO_SUBSCRIBERS and self.require_subscriber:
            self._outbox.unheard += 1
            self._pacing.unheard()
        elif code < FAILURE:
            self._outbox.done(item, heard=code != NO_SUBSCRIBERS)
            self._pacing.heard()
            self._largest_delivered = max(self._largest_delivered, len(item.body))
            return False
        elif code in NEVER:
            self.complain("batch", f"reason 0x{code:02x}")
            self._outbox.refuse(item, NEVER[code])
            return False
        else:
            self.complain("pace", f"reason 0x{code:02x}")
            self._pacing.hold()
        self._outbox.back(item)
        return True

    def of_gap(self, gap: Gap, code: int) -> None:
        """Settle a declared gap."""
        if code < FAILURE or code in NEVER:
            self._outbox.gap_done(gap)
        else:
            self._pacing.hold()

    def of_message(self, topic: str, code: int) -> None:
        """Complain about a message that the broker did not take; there will be a newer one."""
        if code >= FAILURE:
            self.complain(topic, f"reason 0x{code:02x}")

    def too_large(self, batch: Outgoing) -> None:
        """Give up a batch that is larger than the broker takes."""
        if isinstance(batch.subject, Item):
            self._outbox.refuse(batch.subject, "too_large")

    def complain(self, what: str, why: str, *, once: bool = False) -> None:
        """Log that the broker does not take something; the same not too often, or only `once`."""
        now = self._now()
        if now >= self._complain_at.get((what, why), now):
            self._complain_at[what, why] = math.inf if once else now + COMPLAIN_AGAIN
            log.error("broker refuses a message", extra={"what": what, "error": why})

    def ended(self, under_way: Sequence[Item], reason: BrokerError | None) -> None:
        """Give back the batches that were under way when a session ended; `reason`: the broker or the link ended it."""
        if reason is not None:
            self._suspect_size(under_way, reason)
        for item in under_way:
            self._outbox.back(item)

    def _suspect_size(self, under_way: Sequence[Item], reason: BrokerError) -> None:
        """Set aside a batch that ends one connection after the other by its size: MQTT 3.1.1 has no code for it."""
        largest = max(under_way, key=lambda item: len(item.body), default=None)
        if largest is None or len(largest.body) <= self._largest_delivered:
            return
        key = (largest.run_id, largest.seq)
        count = 1 + (self._suspect[1] if self._suspect and self._suspect[0] == key else 0)
        self._suspect = (key, count)
        if count >= (POISON_TOLD if reason.code == TOO_LARGE else POISON):
            self._outbox.refuse(largest, "too_large")
