"""One packet on its way out: a message, or the wish to receive some."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from agent.broker import Handler, packet_size
from agent.outbox import Gap, Item


class Purpose(Enum):
    """What a packet is for; this decides what its acknowledgement and its refusal mean."""

    BATCH = auto()
    GAP = auto()
    DOCUMENT = auto()
    ANSWER = auto()
    SUBSCRIPTION = auto()


class Outgoing(NamedTuple):
    """One PUBLISH or SUBSCRIBE.

    Attributes:
        topic: of a subscription, its filter.
        key: the name under which a refusal is remembered: the topic, unless strangers choose it.
        batches: what a message of batches carries; more than one of them is a block.
        handler: of a subscription, who receives the messages; `retained`: those as well that the broker kept.
        alone: a session ended with its like under way; nothing else may be under way with it.
        deferred: a batch that waited by itself before; it is not worth another connection.
    """

    purpose: Purpose
    topic: str
    payload: bytes = b""
    key: str = ""
    batches: tuple[Item, ...] = ()
    gap: Gap | None = None
    handler: Handler | None = None
    retained: bool = False
    content_type: str | None = None
    correlation: bytes | None = None
    alone: bool = False
    deferred: bool = False

    @property
    def historical(self) -> bool:
        """Whether it carries history."""
        return self.purpose is Purpose.BATCH and self.topic.endswith("/backfill")

    def size(self, version: str) -> int:
        """Return the bytes of the whole packet in this version of MQTT."""
        return packet_size(self.topic, len(self.payload), version, self.content_type, self.correlation)
