"""What a subscriber takes from a payload: the other direction of `payloads`, and as strict as the schemas.

Fields that are not known are skipped, because later versions may add some; those that are known must be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import blocks
from .fields import (
    Check,
    NotOurs,
    an_object,
    document,
    each,
    entries,
    flag,
    interval,
    known,
    name,
    number,
    one_of,
    or_null,
    schema,
    seconds,
    text,
    time,
    whole,
)
from .schema_parts import USABLE

# The agent puts 64 batches into a block; one that is full of empty lines has millions.
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class BatchReceived:
    """A batch, its fields under their names in snake_case; absent ones are None.

    Attributes:
        fields: those of the batch itself. readings, faults: those of each.
    """

    device_id: str
    boot_id: str
    seq: int
    fields: Mapping[str, Any]
    readings: tuple[Mapping[str, Any], ...]
    faults: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class GapReceived:
    """A declared hole, from `first` to `last`."""

    device_id: str
    boot_id: str
    first: int
    last: int
    reason: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """A run, and how the one before it ended.

    Attributes:
        previous: the run before; None where there is none, or nothing is known of it.
        last_seq: its last number; None where nothing can tell how far it came.
    """

    device_id: str
    boot_id: str
    previous: str | None
    last_seq: int | None
    clean: bool
    simulated: bool


BATCH: dict[str, Check] = {
    "schema": schema,
    "deviceId": name,
    "bootId": name,
    "seq": whole(1),
    "timestamp": time,
    "clock": one_of("synced", "unsynced", "corrected"),
    "trigger": one_of("interval", "event", "request"),
    "interval": or_null(interval),
    "readings": each(),
    "unavailableSensors": each(name),
    "degraded": flag,
    "faults": each(),
}
BATCH_MAY: dict[str, Check] = {"unchanged": each(name), "historical": flag, "simulated": flag}
READING: dict[str, Check] = {
    "sensorId": name,
    "quantity": name,
    "value": number,
    "unit": text,
    "status": one_of(*USABLE),
}
READING_MAY: dict[str, Check] = {
    "timestamp": time,
    "age": seconds,
    "reason": text,
    "source": text,
    "min": number,
    "max": number,
    "n": whole(1),
    "missed": whole(0),
}
# What a doubtful reading must say of itself.
ALSO = {"stale": "age", "suspect": "reason", "substituted": "source"}
FAULT: dict[str, Check] = {
    "sensorId": name,
    "error": text,
    "message": text,
    "attempts": whole(0),
    "breaker": one_of("closed", "open", "half_open"),
    "retryAfter": or_null(seconds),
    "since": time,
}
FAULT_MAY: dict[str, Check] = {"quantity": name}
GAP: dict[str, Check] = {"bootId": name, "from": whole(1), "to": whole(1), "reason": name, "timestamp": time}
INFO: dict[str, Check] = {"schema": schema, "deviceId": name, "bootId": name, "previous": lambda value: value}
INFO_MAY: dict[str, Check] = {"simulated": flag}
PREVIOUS: dict[str, Check] = {"bootId": or_null(name), "lastSeq": or_null(whole(0)), "clean": flag}


def is_block(payload: bytes) -> bool:
    """Return whether a payload begins like a block."""
    return payload[:1] == bytes([blocks.ZLIB])


def lines(payload: bytes) -> list[bytes]:
    """Return the batches in a message, each to be taken by itself.

    Raises:
        NotOurs: it begins like a block, and is none.
    """
    try:
        found = blocks.lines(payload)
    except ValueError as error:
        raise NotOurs(str(error)) from None
    if len(found) > MOST_LINES:
        raise NotOurs(f"a block of more than {MOST_LINES} lines")
    return found


def batch(payload: bytes, device_id: str) -> BatchReceived:
    """Return a batch that came on a topic of `device_id`.

    Raises:
        NotOurs: it is none.
    """
    fields = known(document(payload), BATCH, BATCH_MAY)
    _of(fields, device_id)
    readings = tuple(entries(fields.pop("readings"), "readings", READING, READING_MAY))
    for index, one in enumerate(readings):
        if one["status"] in ALSO and one[ALSO[one["status"]]] is None:
            raise NotOurs(f"readings[{index}] is {one['status']} without {ALSO[one['status']]}")
    faults = tuple(entries(fields.pop("faults"), "faults", FAULT, FAULT_MAY))
    return BatchReceived(device_id, fields["boot_id"], fields["seq"], fields, readings, faults)


def gap(payload: bytes, device_id: str) -> GapReceived:
    """Return a declared hole.

    Raises:
        NotOurs: it is none.
    """
    fields = known(document(payload), GAP, {})
    first, last = fields["from"], fields["to"]
    if first > last:
        raise NotOurs("the gap ends before it begins")
    return GapReceived(device_id, fields["boot_id"], first, last, fields["reason"], fields["timestamp"])


def info(payload: bytes, device_id: str) -> InfoReceived:
    """Return what a device says of its run and the one before.

    Raises:
        NotOurs: it is no such document.
    """
    fields = known(document(payload), INFO, INFO_MAY)
    _of(fields, device_id)
    run, previous = fields["boot_id"], fields["previous"]
    ended = {} if previous is None else known(an_object(previous, "previous"), PREVIOUS, {}, "previous.")
    if ended.get("boot_id") == run:
        raise NotOurs("the run before has the same bootId")
    return InfoReceived(
        device_id,
        run,
        ended.get("boot_id"),
        ended.get("last_seq"),
        bool(ended.get("clean")),
        bool(fields["simulated"]),
    )


def _of(fields: Mapping[str, Any], device_id: str) -> None:
    """Make sure that a document names the device of its topic: that is what brokers grant rights for."""
    if fields["device_id"] != device_id:
        raise NotOurs(f"deviceId is {fields['device_id']!r} on a topic of {device_id!r}")
