"""A row of the table: what was measured, against what, and its budget."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        value: in `unit`. limit: the same figure of the limit, from the same run.
        budget: what `judged` may be at most, or must be at least where `at_least`; None: told, not judged.
        against_limit: the budget is for value / limit.
    """

    name: str
    value: float
    unit: str = ""
    budget: float | None = None
    limit: float | None = None
    against_limit: bool = False
    at_least: bool = False

    @property
    def judged(self) -> float:
        """Return the figure that the budget is for."""
        return self.value / self.limit if self.against_limit and self.limit else self.value

    @property
    def kept(self) -> bool:
        """Whether the budget is kept."""
        if self.budget is None:
            return True
        return self.judged >= self.budget if self.at_least else self.judged <= self.budget


def ratio(name: str, unit: str, ours: float, limit: float, budget: float, *, at_least: bool = False) -> Row:
    """Return a row that is judged as a multiple of the limit."""
    return Row(name, ours, unit, budget, limit, against_limit=True, at_least=at_least)


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def median(times: int, measure: Callable[[], float]) -> float:
    """Return the median of several measurements."""
    return statistics.median(measure() for _ in range(times))


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a table for people."""
    lines = [f"{'':52}{'measured':>12} {'limit':>10} {'ratio':>6} {'budget':>9}"]
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:.4g}"
        multiple = "" if not row.limit else f"{row.value / row.limit:.2f}"
        sign = ">=" if row.at_least else "<="
        budget = "" if row.budget is None else f"{sign} {row.budget:g}{' x' if row.against_limit else ''}"
        verdict = "" if row.kept else "  over budget"
        value = f"{row.value:.4g} {row.unit}"
        lines.append(f"{row.name:52}{value:>12} {limit:>10} {multiple:>6} {budget:>9}{verdict}")
    return "\n".join(lines)
