"""One message on its way out, and what it speaks of."""

from __future__ import annotations

from dataclasses import dataclass

from agent.broker import Facts, packet_size
from agent.outbox import Gap, Item


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One PUBLISH.

    Attributes:
        subject: the batch or the gap that it carries; for everything else its topic.
        retain: it is a document, which the broker keeps for latecomers.
    """

    topic: str
    payload: bytes
    subject: Item | Gap | str
    retain: bool = False

    def fits(self, facts: Facts) -> bool:
        """Return whether the broker's limit on the size of a packet lets it through."""
        most = facts.maximum_packet_size
        return most is None or packet_size(self.topic, len(self.payload), facts.version) <= most
