"""What an acknowledgement means: delivered, not now, or never."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from agent.broker import FAILURE, NO_SUBSCRIBERS, TOO_LARGE, BrokerError, BrokerTimeout
from agent.outbox import Item, Outbox

from .experience import Experience
from .holds import MOST_ITEMS, Key, key_of
from .outgoing import Outgoing, Purpose
from .pacing import Pacing

log = logging.getLogger(__name__)

# Refusals that are about the batch itself (MQTT 5.0 §3.4.2.1), and why it is given up after this many of them. Every
# other code, known or not, tells how the broker is at present: the batch stays.
OWN_FAULT = {0x90: "refused", 0x99: "refused", TOO_LARGE: "too_large"}
TIMES = 3
# These are about the broker, whatever was sent.
BUSY = {0x88, 0x89, 0x8B, 0x93, 0x96, 0x97, 0x9F}
# With these in a DISCONNECT the broker gives its own state as the reason.
LEAVING = {0x88, 0x89, 0x8B, 0x8D, 0x9C, 0x9D, 0x9F, 0xA0}
NAMES = {
    0x80: "unspecified error",
    0x83: "implementation specific error",
    0x87: "not authorised",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    TOO_LARGE: "packet too large",
    0x97: "quota exceeded",
    0x99: "payload format invalid",
    0x9E: "shared subscriptions not supported",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}
# Batches that are too large, with less than this many seconds between two of them, are one stretch and one line.
STRETCH = 600.0


def reason(code: int) -> str:
    """Return a reason code in words."""
    return f"{NAMES.get(code, 'unknown reason')} (0x{code:02x})"


class ReasonCodes:
    """Judges acknowledgements, and passes the result on to those that have to wait for it or to give something up.

    Lives as long as the publisher; all fields belong to its event loop.

    Attributes:
        require_subscriber: keep a batch that no client had subscribed to (MQTT 5).
    """

    def __init__(
        self,
        outbox: Outbox,
        pacing: Pacing,
        experience: Experience,
        now: Callable[[], float],
        require_subscriber: bool = False,
    ) -> None:
        self._outbox, self._pacing, self._experience, self._now = outbox, pacing, experience, now
        self._holds, self._refusals = experience.holds, experience.refusals
        self.require_subscriber = require_subscriber
        self._largest_taken = 0
        # How often a batch was refused for its own fault.
        self._refused: dict[Key, int] = {}
        # Of a batch that ended sessions alone: its topic, how many, and whether others passed there meanwhile.
        self._ended_by: dict[Key, tuple[str, int, bool]] = {}
        self._too_large_at = float("-inf")

    def settled(self, packet: Outgoing, code: int) -> bool:
        """Settle a packet; return whether it has to be sent again."""
        if packet.purpose is Purpose.BATCH:
            return self._batch(packet, code)
        if code >= FAILURE and packet.purpose is Purpose.ANSWER:
            # A stranger chose where it goes; others are answered as before.
            self._refusals.noted(packet.key, reason(code))
            return False
        if code >= FAILURE:
            self._refusals.refused(packet.key, reason(code), busy=code in BUSY)
            return True
        self._taken_by_trial(packet)
        self._refusals.taken(packet.key)
        if packet.gap is not None:
            self._outbox.gap_done(packet.gap)
        return False

    def silent(self, packet: Outgoing) -> None:
        """Note that this broker does not acknowledge a packet, though it does others."""
        if packet.purpose is Purpose.BATCH:
            for item in packet.batches:
                self._holds.defer(item)
                self._outbox.back(item)
            return
        self._refusals.refused(packet.key, "not acknowledged", busy=True)

    def too_large(self, batch: Outgoing) -> None:
        """Give up a batch that is larger than the broker takes."""
        for item in batch.batches:
            self._give_up(item, "too_large")

    def ended(self, under_way: Sequence[Outgoing], blamed: Sequence[Outgoing], error: BrokerError | None) -> None:
        """Give back the batches that were under way when a session ended.

        Args:
            blamed: what may be why. error: how it ended; None: we ended it.
        """
        code = None if error is None else error.code
        if self._experience.limits.learn(code):
            # It is about how something was sent, and the next session sends it otherwise.
            blamed = []
        if blamed and not isinstance(error, BrokerTimeout):
            self._experience.trials.hung_up(blamed)
        alone = len(blamed) == 1
        for packet in blamed:
            if packet.purpose is not Purpose.BATCH:
                self._refusals.hung_up(packet.key, str(error), busy=code in LEAVING)
            else:
                self._blame_batch(packet, error, alone)
        for packet in under_way:
            for item in packet.batches:
                self._outbox.back(item)

    # --- batches

    def _batch(self, batch: Outgoing, code: int) -> bool:
        items = batch.batches
        if code == NO_SUBSCRIBERS and self.require_subscriber:
            self._outbox.unheard += len(items)
            self._pacing.unheard()
        elif code < FAILURE:
            self._taken(batch, heard=code != NO_SUBSCRIBERS)
            return False
        elif code in OWN_FAULT and len(items) == 1:
            return self._own_fault(items[0], code)
        else:
            self._holds.refused(batch.topic, _tried_again(batch), reason(code))
        for item in items:
            self._outbox.back(item)
        return True

    def _taken_by_trial(self, packet: Outgoing) -> None:
        if self._experience.trials.taken(packet):
            self._experience.forget_refusals()

    def _taken(self, batch: Outgoing, *, heard: bool) -> None:
        self._taken_by_trial(batch)
        for item in batch.batches:
            self._outbox.done(item, heard=heard)
            self._refused.pop(key_of(item), None)
            self._ended_by.pop(key_of(item), None)
            self._largest_taken = max(self._largest_taken, len(item.body))
        for key, (topic, count, _) in self._ended_by.items():
            if topic == batch.topic:
                self._ended_by[key] = topic, count, True
        self._pacing.heard()
        self._holds.taken(batch.topic, batch.batches)

    def _own_fault(self, item: Item, code: int) -> bool:
        count = self._refused.pop(key_of(item), 0) + 1
        if count >= TIMES:
            self._give_up(item, OWN_FAULT[code], reason(code))
            return False
        self._refused[key_of(item)] = count
        _bound(self._refused)
        self._holds.defer(item)
        self._outbox.back(item)
        return True

    def _blame_batch(self, batch: Outgoing, error: BrokerError | None, alone: bool) -> None:
        self._holds.hung_up(batch.topic, _tried_again(batch), str(error), alone=alone)
        if not alone or len(batch.batches) != 1:
            return
        (item,) = batch.batches
        _, count, others_passed = self._ended_by.pop(key_of(item), ("", 0, False))
        told = error is not None and error.code == TOO_LARGE
        by_its_size = (told or others_passed) and len(item.body) > self._largest_taken
        if count + 1 >= TIMES and by_its_size:
            self._experience.limits.learn_packet_size(batch)
            self._give_up(item, "too_large")
        else:
            self._ended_by[key_of(item)] = batch.topic, count + 1, others_passed
            _bound(self._ended_by)

    def _give_up(self, item: Item, why: str, words: str = "") -> None:
        now = self._now()
        if why != "too_large":
            log.error("batch refused", extra={"seq": item.seq, "error": words})
        elif now - self._too_large_at >= STRETCH:
            log.error("batch too large for the broker", extra={"seq": item.seq, "bytes": len(item.body)})
        if why == "too_large":
            self._too_large_at = now
        self._outbox.refuse(item, why)


def _bound(memory: dict[Key, Any]) -> None:
    """Forget the oldest: the outbox may have dropped these batches long ago."""
    while len(memory) > MOST_ITEMS:
        del memory[next(iter(memory))]


def _tried_again(batch: Outgoing) -> tuple[Item, ...]:
    """Return the batches that will be tried again on the same topic: what was live is history the next time."""
    return batch.batches if batch.historical else ()
