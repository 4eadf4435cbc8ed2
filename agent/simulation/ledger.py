"""The subscriber who writes down everything and judges it: gaps, duplicates, order, history on the live topic, time.

It knows from the agent's side what was accepted (`accept`) and what a crash may have taken along (`excuse`); all else
it learns as a subscriber does. What breaks a promise is noted in `violations` at the moment it happens.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from agent.outbox import Item

from .clock import SimClock
from .network import Publication

FRESH = 3.0
PASSING = ("historical", "timestamp", "clock")  # may differ between two copies of one batch
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A batch as the agent put it into its outbox; `at`: when, on the loop's clock."""

    item: Item
    document: dict[str, Any]
    at: float


class Ledger:
    """Everything that was promised and everything that came.

    Attributes:
        violations: promises broken. pending: accepted, and neither heard nor declared.
        ordered: whether first deliveries must ascend; not with a broker that picks single batches out to refuse them.
        across: over several runs of the agent, too; not when the disk hid what an earlier run had left on it.
    """

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.accepted: dict[Key, Accepted] = {}
        self.pending: dict[Key, None] = {}
        self.heard: dict[Key, dict[str, Any]] = {}
        self.declared: set[Key] = set()
        self.excused: set[Key] = set()
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.session = 0
        self.ordered = self.across = True
        self._numbers: dict[str, int] = {}
        self._place: dict[Key, int] = {}
        self._latest: dict[str, int] = {}
        self._stated: set[int] = set()
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Return what names this whole story: every byte that the broker received, and when."""
        return self._digest.hexdigest()

    def wrong(self, what: str) -> None:
        """Note a broken promise."""
        if len(self.violations) < 20:
            self.violations.append(f"{self.clock.time():.3f} s: {what}")

    # --- the agent's side

    def accept(self, item: Item) -> dict[str, Any]:
        """The agent has put a batch into its outbox; return it as a document."""
        key, document = (item.run_id, item.seq), json.loads(item.body)
        if item.seq != self._numbers.get(item.run_id, 0) + 1 or (document["bootId"], document["seq"]) != key:
            self.wrong(f"seq {item.seq} follows {self._numbers.get(item.run_id, 0)}")
        self._numbers[item.run_id] = item.seq
        self._place[key] = len(self._place)
        self.accepted[key] = Accepted(item, document, self.clock.time())
        self.pending[key] = None
        self._complete(document)
        return document

    def last_of(self, boot: str) -> int:
        """Return the last number of a run."""
        return self._numbers.get(boot, 0)

    def excuse(self, keys: set[Key]) -> None:
        """A crash took these along, within what is promised."""
        self.excused |= keys
        for key in keys:
            self.pending.pop(key, None)

    def _complete(self, document: dict[str, Any]) -> None:
        """Check that degraded says what is missing, and that no sensor is both there and missing."""
        there = {reading["sensorId"] for reading in document["readings"]}
        missing = document["unavailableSensors"]
        odd = any(reading["status"] != "ok" for reading in document["readings"])
        if there & set(missing) or len(missing) != len(set(missing)):
            self.wrong(f"a sensor is there and missing: {document}")
        if document["degraded"] != (bool(missing) or odd):
            self.wrong(f"degraded is {document['degraded']}, missing {missing}")
        if {fault["sensorId"] for fault in document["faults"]} < set(missing):
            self.wrong(f"missing without a fault: {missing}")

    # --- on the wire

    def sent(self, topic: str, payload: bytes) -> None:
        """Look at what the agent sends, at the moment at which it does."""
        name = topic.rsplit("/", 1)[-1]
        if name not in ("batch", "backfill"):
            return
        document = json.loads(payload)
        self.counts[name] += 1
        key = document["bootId"], document["seq"]
        if key not in self.accepted:
            self.wrong(f"{key} was never accepted")
            return
        one = self.accepted[key]
        age = self.clock.time() - one.at
        same_machine = one.item.kernel_boot == self.clock.kernel_boot
        if name == "batch" and (not same_machine or age > FRESH + 0.01 or "historical" in document):
            self.wrong(f"history on the live topic: {key}, {age:.1f} s old")
        if name == "backfill" and document.get("historical") is not True:
            self.wrong(f"{key} does not say that it is history")
        self._honest(one, document, same_machine)

    def _honest(self, one: Accepted, document: dict[str, Any], same_machine: bool) -> None:
        before, after = one.document, document
        if before["clock"] == "unsynced" and same_machine and self.clock.synced():
            right = "corrected", self.clock.stamp(one.item.taken)
        else:
            right = before["clock"], before["timestamp"]
        self.counts[right[0]] += 1
        if (after["clock"], after["timestamp"]) != right:
            self.wrong(f"seq {after['seq']} says {after['clock']} {after['timestamp']}; right is {right}")

    def arrived(self, one: Publication) -> None:
        """Look at what the subscriber receives."""
        self._note(one)
        name = one.name
        if name in ("batch", "backfill"):
            self._batch(name, one.document)
        elif name == "gap":
            self._gap(one.document)
        elif name == "state":
            self._stated.add(self.session)
        elif name == "status" and one.payload == b"online" and self.session not in self._stated:
            self.wrong("online came before the present")

    def _batch(self, name: str, document: dict[str, Any]) -> None:
        key = document["bootId"], document["seq"]
        known = self.heard.get(key)
        content = {k: v for k, v in document.items() if k not in PASSING}
        for fault in content["faults"] if document["clock"] == "corrected" else ():
            fault.pop("since")
        if known is not None:
            self.counts["again"] += 1
            if known.keys() == content.keys() and known["readings"] != content["readings"]:
                self.wrong(f"two different batches are called {key}")
            return
        self.heard[key] = content
        self.pending.pop(key, None)
        place = self._place.get(key, -1)
        for line in (name, name + key[0]) if self.across else (name + key[0],):
            if self.ordered and place < self._latest.get(line, -1):
                self.wrong(f"seq {key[1]} came on {name} after a later one")
            self._latest[line] = max(place, self._latest.get(line, -1))

    def _gap(self, document: dict[str, Any]) -> None:
        self.counts["gap"] += 1
        for seq in range(document["from"], document["to"] + 1):
            key = document["bootId"], seq
            if key not in self.accepted:
                self.wrong(f"a gap was invented: {document}")
            self.declared.add(key)
            self.pending.pop(key, None)

    def _note(self, one: Publication) -> None:
        payload = one.payload
        if one.name == "info":  # tells the truth about this machine
            payload = json.dumps({k: v for k, v in one.document.items() if k != "host"}).encode()
        self._digest.update(b"%r %s %b\n" % (one.at, one.topic.encode(), payload))
