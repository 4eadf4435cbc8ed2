"""One thing, one word, and it is the field's: names that this project has given up do not come back."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file for tree in ("agent", "drivers") for file in (ROOT / tree).rglob("*.py"))

# a word that is gone: the one that stands for it
INSTEAD = {
    "herald": "reporter",
    "greet": "announce",
    "meet": "announce",
    "speak_through": "a publisher handed to the constructor",
    "lane": "bus",
    "lanes": "buses",
    "treatment": "calibration",
    "verdict": "reason_code",
    "verdicts": "reason_codes",
    "patience": "reconnect",
    "shelf": "index",
    "keeper": "retention",
    "traffic": "pacing",
    "trouble": "ScenarioFault, or error",
    "troubles": "errors",
    "orders": "requests",
    "verb": "command, or request",
    "verbs": "commands, or requests",
    "machine_boot": "kernel_boot",
}


def names(file: Path) -> Iterator[str]:
    """Yield what a file calls its things: itself, classes, functions, parameters, attributes, variables."""
    yield file.stem
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg


def words(name: str) -> set[str]:
    """Return the words of a name, and the name itself.

    >>> sorted(words("SpeakThrough")), sorted(words("_bus_lane"))
    (['speak', 'speak_through', 'through'], ['bus', 'bus_lane', 'lane'])
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")
    return {snake, *snake.split("_")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_name_is_made_of_words_that_are_used_here(file: Path) -> None:
    found = {f"{name}: say {INSTEAD[word]}" for name in names(file) for word in words(name) & INSTEAD.keys()}
    assert not found


def test_a_class_has_its_name_for_itself() -> None:
    rooms: defaultdict[str, set[str]] = defaultdict(set)
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                rooms[node.name].add(".".join(file.relative_to(ROOT).with_suffix("").parts[:2]))
    assert {name: there for name, there in rooms.items() if len(there) > 1} == {}
