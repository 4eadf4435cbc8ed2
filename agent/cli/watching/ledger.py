"""A subscriber's bookkeeping: from (device, boot, sequence number) alone, what is missing and what came twice."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST = 100_000  # numbers of one run that are remembered one by one


@dataclass(slots=True)
class Run:
    """One run of one agent.

    Attributes:
        first, last: the lowest and the highest number that was live when it came; what is below `first` happened
            before we listened.
        missing: numbers in between that have not come yet.
        declared: numbers that the agent has said to be lost.
    """

    first: int
    last: int
    missing: set[int] = field(default_factory=set)
    declared: set[int] = field(default_factory=set)
    before: set[int] = field(default_factory=set)


class Ledger:
    """Batches received, over `batch` and `backfill` together.

    Attributes:
        received: different ones. duplicates: those that came again (with QoS 1 they may).
    """

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str], Run] = {}
        self.received = self.duplicates = 0
        self._of: dict[str, list[Run]] = {}

    def take(self, device: str, boot: str, seq: int) -> bool:
        """Note a batch; tell whether it is new."""
        run = self.runs.get((device, boot))
        new = True
        if run is None:
            self.runs[device, boot] = run = Run(seq, seq)
            self._of.setdefault(device, []).append(run)
        elif seq > run.last:
            run.missing.update(range(max(run.last + 1, seq - MOST), seq))
            run.missing -= run.declared
            run.last = seq
        elif seq < run.first:
            new = seq not in run.before
            if len(run.before) < MOST:
                run.before.add(seq)
        else:
            new = seq in run.missing or seq in run.declared
            run.missing.discard(seq)
            run.declared.discard(seq)
        self.received += new
        self.duplicates += not new
        return new

    def declare(self, device: str, boot: str, first: int, last: int) -> None:
        """Note that the agent gave these batches up: they are lost, but not missing."""
        run = self.runs.get((device, boot))
        if run is None:
            return
        lost = set(range(max(first, run.first), min(last, first + MOST) + 1))
        run.declared |= lost - set(range(run.first, run.last + 1)) | lost & run.missing
        run.missing -= lost

    @property
    def missing(self) -> int:
        """How many batches are missing without a word."""
        return sum(len(run.missing) for run in self.runs.values())

    @property
    def declared(self) -> int:
        """How many batches the agent has said to be lost."""
        return sum(len(run.declared) for run in self.runs.values())

    def missing_of(self, device: str) -> int:
        """Return how many batches of a device are missing without a word."""
        return sum(len(run.missing) for run in self._of.get(device, ()))

    def declared_of(self, device: str) -> int:
        """Return how many batches of a device it has said to be lost."""
        return sum(len(run.declared) for run in self._of.get(device, ()))

    def gaps(self, device: str) -> list[tuple[str, int, int]]:
        """Return (boot, first, last) of what is missing of a device."""
        found: list[tuple[str, int, int]] = []
        for (name, boot), run in self.runs.items():
            for seq in sorted(run.missing) if name == device else ():
                if found and found[-1][0] == boot and found[-1][2] == seq - 1:
                    found[-1] = (boot, found[-1][1], seq)
                else:
                    found.append((boot, seq, seq))
        return found
