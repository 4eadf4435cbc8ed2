"""drivers/README.md says what is: its table is the one that is measured, its example is followed to the letter."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

import drivers.fakes
from agent.cli import main
from drivers import catalog, open_chip
from drivers.conformance.bench import ADAPTERS, Bench
from drivers.fakes import FakeBus, FakeTime, fake_chip

from .drivers_table import README, written

FILE = re.compile(r"^`(\S+\.(?:py|toml))` (?:.+\n)+\n```\w+\n((?:.*\n)*?)```", re.MULTILINE)


def test_the_table_is_the_one_that_is_measured() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == written(text), "run: python -m tests.laws.drivers_table"


def test_every_driver_has_a_row() -> None:
    rows = re.findall(r"^\| (\w+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) - {"driver"} == set(catalog._MODULES)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write the example's files, and let its entry points be found as if it were installed."""
    import tomllib

    files = dict(FILE.findall(README.read_text(encoding="utf-8")))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    groups = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]
    points = EntryPoints(EntryPoint(n, v, group) for group, one in groups.items() for n, v in one.items())
    for module in (importlib.metadata, catalog, drivers.fakes):
        if hasattr(module, "entry_points"):
            monkeypatch.setattr(module, "entry_points", points.select)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "limpet.toml").write_text('[[sensor]]\nid = "air"\ndriver = "hdc1080"\n')
    importlib.invalidate_caches()
    yield tmp_path
    for name in files:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_example_is_listed_read_and_found_by_a_scan(example: Path, capsys: Any) -> None:
    for words, sign in (
        (["chips"], "hdc1080"),
        (["read", "--simulate"], "humidity"),
        (["scan", "--simulate"], "hdc1080"),
    ):
        assert main.main(words) == 0
        assert sign in capsys.readouterr().out


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_example_tells_what_its_fake_feels(example: Path, adapter: str) -> None:
    time = FakeTime()
    with FakeBus({0x40: fake_chip("hdc1080", temperature=-7.5, humidity=61.0)}, adapter=adapter, clock=time) as bus:
        chip = open_chip("hdc1080", bus)
        chip.sleep = time.sleep
        assert chip.read() == pytest.approx({"temperature": -7.5, "humidity": 61.0}, abs=0.1)


def test_the_example_keeps_the_rule_of_the_house(example: Path) -> None:
    one = Bench("hdc1080")
    try:
        assert one.outcome() == "truth"
        one.chip.lose_power()
        assert one.outcome().startswith("raised LostPower")
        assert one.outcome() == "truth"
        one.bus.chips[0x40] = fake_chip("ina226")
        assert one.outcome().startswith("raised")
        assert one.outcome().startswith("raised WrongChip")
    finally:
        one.bus.close()
