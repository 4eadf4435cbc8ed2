"""The subscriber who writes down everything and judges it: gaps, duplicates, order, history on the live topic, time.

It knows from the agent's side what was accepted (`accept`) and what a crash may have taken along (`excuse`); all else
it learns as a subscriber does. What breaks a promise is noted in `findings` at the moment it happens.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agent.messages import blocks
from agent.outbox import Item

from .broker import Publication
from .clock import SimClock
from .promises import Findings, Promise

FRESH = 3.0
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A batch as the agent put it into its outbox; `at`: when, on the loop's clock.

    Attributes:
        item: without its body where the ledger is lean. document: likewise without its readings.
    """

    item: Item
    document: dict[str, Any]
    at: float


class DeliveryLedger:
    """Everything that was promised and everything that came.

    Args:
        heard: told of the first copy of each batch that arrives.
        lean: keep of a batch only what later copies are judged by: for weeks.

    Attributes:
        pending: accepted, and neither heard nor declared.
        ordered: whether first deliveries must ascend; not with a broker that picks single batches out to refuse them.
        across: over several runs of the agent, too; not when the disk hid what an earlier run had left on it.
    """

    def __init__(
        self, clock: SimClock, *, heard: Callable[[dict[str, Any]], object] | None = None, lean: bool = False
    ) -> None:
        self.clock, self._tell, self._lean = clock, heard, lean
        self.findings = Findings(clock.time)
        self.accepted: dict[Key, Accepted] = {}
        self.pending: dict[Key, None] = {}
        self.heard: dict[Key, bytes] = {}
        self.declared: set[Key] = set()
        self.excused: set[Key] = set()
        self.counts: Counter[str] = Counter()
        self.session = 0
        self.ordered = self.across = True
        self._numbers: dict[str, int] = {}
        self._place: dict[Key, int] = {}
        self._latest: dict[str, int] = {}
        self._stated: set[int] = set()
        self._digest = hashlib.sha256()

    @property
    def violations(self) -> list[str]:
        """Return the promises that were broken, in words."""
        return self.findings.violations

    @property
    def digest(self) -> str:
        """Return what names this whole story: every byte that the broker received, and when."""
        return self._digest.hexdigest()

    def wrong(self, what: str, promise: Promise = Promise.TRUE) -> None:
        """Note a broken promise."""
        self.findings.wrong(what, promise)

    # --- the agent's side

    def accept(self, item: Item) -> dict[str, Any]:
        """The agent has put a batch into its outbox; return it as a document."""
        key: Key = (item.run_id, item.seq)
        document: dict[str, Any] = json.loads(item.body)
        if item.seq != self._numbers.get(item.run_id, 0) + 1 or (document["bootId"], document["seq"]) != key:
            self.wrong(f"seq {item.seq} follows {self._numbers.get(item.run_id, 0)}", Promise.NUMBERED)
        self._numbers[item.run_id] = item.seq
        self._place[key] = len(self._place)
        kept = {name: document[name] for name in ("clock", "timestamp")} if self._lean else document
        self.accepted[key] = Accepted(item._replace(body=b"") if self._lean else item, kept, self.clock.time())
        self.pending[key] = None
        for what in speaks_against(document):
            self.wrong(what, Promise.DEGRADED)
        return document

    def last_of(self, boot: str) -> int:
        """Return the last number of a run."""
        return self._numbers.get(boot, 0)

    def excuse(self, keys: set[Key]) -> None:
        """A crash took these along, within what is promised."""
        self.excused |= keys
        for key in keys:
            self.pending.pop(key, None)

    # --- on the wire

    def sent(self, topic: str, payload: bytes) -> None:
        """Look at what the agent sends, at the moment at which it does."""
        name = topic.rsplit("/", 1)[-1]
        if name in ("batch", "backfill"):
            for document in documents(payload):
                self._sent(name, document)

    def _sent(self, name: str, document: dict[str, Any]) -> None:
        self.counts[name] += 1
        key = document["bootId"], document["seq"]
        if key not in self.accepted:
            self.wrong(f"{key} was never accepted", Promise.NUMBERED)
            return
        one = self.accepted[key]
        age = self.clock.time() - one.at
        same_machine = one.item.kernel_boot == self.clock.kernel_boot
        if name == "batch" and (not same_machine or age > FRESH + 0.01 or "historical" in document):
            self.wrong(f"history on the live topic: {key}, {age:.1f} s old", Promise.LIVE)
        if name == "backfill" and document.get("historical") is not True:
            self.wrong(f"{key} does not say that it is history", Promise.LIVE)
        self._honest(one, document, same_machine)

    def _honest(self, one: Accepted, document: dict[str, Any], same_machine: bool) -> None:
        before, after = one.document, document
        if before["clock"] == "unsynced" and same_machine and self.clock.synced():
            right = "corrected", self.clock.stamp(one.item.taken)
        else:
            right = before["clock"], before["timestamp"]
        self.counts[right[0]] += 1
        if (after["clock"], after["timestamp"]) != right:
            said = f"seq {after['seq']} says {after['clock']} {after['timestamp']}; right is {right}"
            self.wrong(said, Promise.DATED)

    def arrived(self, one: Publication) -> None:
        """Look at what the subscriber receives."""
        self._note(one)
        name = one.name
        if name in ("batch", "backfill"):
            for document in documents(one.payload):
                self._batch(name, document)
        elif name == "gap":
            self._gap(one.document)
        elif name == "state":
            self._stated.add(self.session)
        elif name == "status" and one.payload == b"online" and self.session not in self._stated:
            self.wrong("online came before the present", Promise.PRESENT)

    def _batch(self, name: str, document: dict[str, Any]) -> None:
        key = document["bootId"], document["seq"]
        content = fingerprint(document)
        if key in self.heard:
            self.counts["again"] += 1
            if self.heard[key] != content:
                self.wrong(f"two different batches are called {key}", Promise.NUMBERED)
            return
        self.heard[key] = content
        self.pending.pop(key, None)
        if self._tell is not None:
            self._tell(document)
        place = self._place.get(key, -1)
        for line in (name, name + key[0]) if self.across else (name + key[0],):
            if self.ordered and place < self._latest.get(line, -1):
                self.wrong(f"seq {key[1]} came on {name} after a later one", Promise.ORDERED)
            self._latest[line] = max(place, self._latest.get(line, -1))

    def _gap(self, document: dict[str, Any]) -> None:
        self.counts["gap"] += 1
        for seq in range(document["from"], document["to"] + 1):
            key = document["bootId"], seq
            if key not in self.accepted:
                self.wrong(f"a gap was invented: {document}", Promise.DELIVERED)
            self.declared.add(key)
            self.pending.pop(key, None)

    def _note(self, one: Publication) -> None:
        payload = one.payload
        if one.name == "info":  # tells the truth about this machine
            payload = json.dumps({k: v for k, v in one.document.items() if k != "host"}).encode()
        self._digest.update(b"%r %s %b\n" % (one.at, one.topic.encode(), payload))


def speaks_against(document: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong where degraded does not say what is missing, or a sensor is both there and missing."""
    there = {reading["sensorId"] for reading in document["readings"]}
    missing = document["unavailableSensors"]
    faults = [fault for fault in document["faults"] if fault["error"] != "BeyondRange"]
    odd = any(reading["status"] != "ok" for reading in document["readings"])
    part = any(fault.get("quantity") for fault in faults)
    if there & set(missing) or len(missing) != len(set(missing)):
        yield f"a sensor is there and missing: {document}"
    if document["degraded"] != (bool(missing) or odd or part):
        yield f"degraded is {document['degraded']}, missing {missing}"
    if {fault["sensorId"] for fault in faults} < set(missing):
        yield f"missing without a fault: {missing}"


def documents(payload: bytes) -> list[dict[str, Any]]:
    """Return the batches of a message: one, or a block of them."""
    return [json.loads(body) for body in blocks.lines(payload)]


def fingerprint(document: dict[str, Any]) -> bytes:
    """Return what two copies of a batch have in common: its readings, whose times may be put right in between."""
    readings = [{name: value for name, value in one.items() if name != "timestamp"} for one in document["readings"]]
    return hashlib.blake2b(repr(readings).encode(), digest_size=8).digest()
