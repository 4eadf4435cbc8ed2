"""From messages to what has to be stored: batches, gaps, ends of runs, and what is none of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.messages import reception
from agent.messages.fields import name
from agent.messages.reception import BatchReceived, GapReceived, InfoReceived

# What a worker asks for, below each device's topic.
SHARED = ("batch", "backfill", "gap")
# Retained: each worker needs it, and a shared subscription would not deliver what is retained.
EVERYBODY = ("info",)
LONGEST_PAYLOAD = 4096  # characters of a rejected one that are kept
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that waits to be acknowledged.

    Attributes:
        retained: the broker had kept it, so it does not say that the device is there.
        receipt: what its source needs to acknowledge it.
    """

    topic: str
    payload: bytes
    retained: bool = False
    receipt: object = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message, or one line of a block, that is none of ours."""

    topic: str
    payload: bytes
    reason: str

    @property
    def digest(self) -> str:
        """The same for the same thing on the same topic."""
        return hashlib.sha256(self.topic.encode(errors="replace") + b"\0" + self.payload).hexdigest()

    @property
    def shown(self) -> str:
        """The beginning of the payload as a text."""
        text = self.payload[:LONGEST_PAYLOAD].decode(errors="backslashreplace")
        return text.replace("\0", "\\x00")[:LONGEST_PAYLOAD]


@dataclass(slots=True)
class Harvest:
    """What some messages hold.

    Attributes:
        infos: what runs said of themselves and of those before; and whether it was a retained document.
    """

    batches: list[BatchReceived] = field(default_factory=list)
    gaps: list[GapReceived] = field(default_factory=list)
    infos: list[tuple[InfoReceived, bool]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def gather(deliveries: Iterable[Delivery], root: str) -> Harvest:
    """Return what the messages hold. Topics that say nothing of batches are passed over.

    Args:
        root: the first levels of all topics.
    """
    harvest = Harvest()
    for one in deliveries:
        device, _, kind = one.topic.removeprefix(f"{root}/").rpartition("/")
        if not one.topic.startswith(f"{root}/") or "/" in device or kind not in (*SHARED, *EVERYBODY):
            continue
        try:
            _take(harvest, one, name(device), kind)
        # NotOurs is a ValueError; the others are what a payload made to hurt can provoke.
        except (ValueError, OverflowError, RecursionError) as error:
            harvest.rejected.append(Rejected(one.topic, one.payload, str(error)[:LONGEST_REASON]))
    return harvest


def _take(harvest: Harvest, one: Delivery, device: str, kind: str) -> None:
    if kind == "gap":
        harvest.gaps.append(reception.gap(one.payload, device))
    elif kind == "info":
        # An empty one withdraws what was retained.
        if one.payload:
            harvest.infos.append((reception.info(one.payload, device), one.retained))
    else:
        for line in reception.lines(one.payload):
            try:
                harvest.batches.append(reception.batch(line, device))
            except (ValueError, OverflowError, RecursionError) as error:
                harvest.rejected.append(Rejected(one.topic, line, str(error)[:LONGEST_REASON]))
