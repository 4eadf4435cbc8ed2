"""What a reason code means: delivered, wait, or never."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from agent.broker import FAILURE, NO_SUBSCRIBERS, TOO_LARGE, BrokerError
from agent.outbox import Gap, Item

from .shared import Shared

log = logging.getLogger(__name__)

NEVER = {0x87: "refused", 0x90: "refused", 0x99: "refused", TOO_LARGE: "too_large"}  # trying again cannot help
POISON, POISON_TOLD = 4, 2  # connections that one batch may end before it is set aside; when the broker told why
COMPLAIN_AGAIN = 600.0  # seconds between two lines that say the same


class Verdicts:
    """Judges acknowledgements, and tells the outbox and the traffic."""

    def __init__(self, shared: Shared) -> None:
        self._shared, self._outbox, self._traffic = shared, shared.outbox, shared.traffic

    def of_batch(self, item: Item, code: int) -> bool:
        """Settle a batch; return whether it has to be sent again."""
        if code == NO_SUBSCRIBERS and self._shared.require_subscriber:
            self._outbox.unheard += 1
            self._traffic.nobody_heard()
        elif code < FAILURE:
            self._outbox.done(item, heard=code != NO_SUBSCRIBERS)
            self._traffic.somebody_heard()
            self._shared.largest_delivered = max(self._shared.largest_delivered, len(item.body))
            return False
        elif code in NEVER:
            self.complain("batch", f"reason 0x{code:02x}")
            self._outbox.refuse(item, NEVER[code])
            return False
        else:
            self.complain("pace", f"reason 0x{code:02x}")
            self._traffic.hold()
        self._outbox.back(item)
        return True

    def of_gap(self, gap: Gap, code: int) -> None:
        """Settle a declared gap."""
        if code < FAILURE or code in NEVER:
            self._outbox.gap_done(gap)
        else:
            self._traffic.hold()

    def of_message(self, topic: str, code: int) -> None:
        """Complain about a message that the broker did not take; there will be a newer one."""
        if code >= FAILURE:
            self.complain(topic, f"reason 0x{code:02x}")

    def complain(self, what: str, why: str, *, once: bool = False) -> None:
        """Log that the broker does not take something; the same not too often, or only `once`."""
        now = self._shared.clock.now()
        if now >= self._shared.complaints.get((what, why), now):
            self._shared.complaints[what, why] = math.inf if once else now + COMPLAIN_AGAIN
            log.error("broker refuses a message", extra={"what": what, "error": why})

    def suspect(self, under_way: Sequence[Item], reason: BrokerError) -> None:
        """Set aside a batch that ends one connection after the other by its size: 3.1.1 has no words for it."""
        shared = self._shared
        largest = max(under_way, key=lambda item: len(item.body), default=None)
        if largest is None or len(largest.body) <= shared.largest_delivered:
            return
        key = (largest.run_id, largest.seq)
        count = 1 + (shared.suspect[1] if shared.suspect and shared.suspect[0] == key else 0)
        shared.suspect = (key, count)
        if count >= (POISON_TOLD if reason.code == TOO_LARGE else POISON):
            self._outbox.refuse(largest, "too_large")
