"""Prometheus's text format, version 0.0.4: families of samples as lines.

Source: Prometheus, "Exposition formats".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

KIND = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "limpet_"

Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One value. `suffix`: behind the family's name, `_bucket`, `_sum` and `_count` of a histogram."""

    labels: Labels
    value: float | None
    suffix: str = ""


class Family(NamedTuple):
    """The samples of one metric; those without a value are left out.

    Attributes:
        kind: "gauge", "counter" or "histogram".
        meaning: one sentence.
    """

    name: str
    kind: str
    meaning: str
    samples: list[Sample]


def one(name: str, kind: str, meaning: str, value: float | None) -> Family:
    """Return a family of one sample without labels."""
    return Family(name, kind, meaning, [Sample({}, value)])


def exposed(families: Iterable[Family]) -> str:
    """Return the whole exposition."""
    lines = []
    for name, kind, meaning, samples in families:
        found = [sample for sample in samples if sample.value is not None]
        if found:
            lines += [f"# HELP {PREFIX}{name} {meaning}", f"# TYPE {PREFIX}{name} {kind}"]
            lines += [f"{PREFIX}{name}{one.suffix}{_labels(one.labels)} {_number(one.value)}" for one in found]
    return "\n".join(lines) + "\n"


def seconds(stamp: str | None) -> float | None:
    """Return an RFC 3339 time as seconds since 1970."""
    return None if stamp is None else datetime.fromisoformat(stamp).timestamp()


def _number(value: float | None) -> str:
    number = float(value or 0.0)
    return "+Inf" if number == float("inf") else repr(number)


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
