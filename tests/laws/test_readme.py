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
from drivers.conformance import __main__ as conformance
from drivers.conformance.bench import ADAPTERS
from drivers.fakes import FakeBus, FakeTime, fake_chip

from .drivers_table import END, README, written

FILE = re.compile(r"^`(\S+\.(?:py|toml))` (?:.+\n)+\n```\w+\n((?:.*\n)*?)```", re.MULTILINE)


def test_the_table_is_the_one_that_is_measured() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == written(text), "run: python -m tests.laws.drivers_table"


def test_every_driver_has_a_row() -> None:
    table = README.read_text(encoding="utf-8").partition(END)[0]
    rows = re.findall(r"^\| (\w+) \|", table, re.MULTILINE)
    assert set(rows) - {"driver"} == set(catalog.ours())


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
    (tmp_path / "limpet.toml").write_text('[[sensor]]\nid = "air"\ndriver = "sts3x"\n')
    importlib.invalidate_caches()
    yield tmp_path
    for name in files:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_example_is_listed_read_and_found_by_a_scan(example: Path, capsys: Any) -> None:
    for words, sign in (
        (["chips"], "sts3x"),
        (["read", "--simulate"], "°C"),
        (["scan", "--simulate"], "sts3x"),
    ):
        assert main.main(words) == 0
        assert sign in capsys.readouterr().out


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_example_tells_what_its_fake_feels(example: Path, adapter: str) -> None:
    time = FakeTime()
    with FakeBus({0x4A: fake_chip("sts3x", temperature=-7.5)}, adapter=adapter, clock=time) as bus:
        chip = open_chip("sts3x", bus)
        chip.sleep = time.sleep
        assert chip.read() == pytest.approx({"temperature": -7.5}, abs=0.01)


def test_the_example_keeps_every_law(example: Path, capsys: Any) -> None:
    assert conformance.main(["sts3x"]) == 0, capsys.readouterr().out


def test_a_broken_law_is_named_and_fails(example: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.find("sts3x"), "measure", lambda self: {"temperature": 21.0})
    assert conformance.main(["sts3x"]) == 1
    assert re.search(r"BROKEN +tells what is felt", capsys.readouterr().out)


def test_the_conformance_of_an_unknown_driver_fails(capsys: Any) -> None:
    assert conformance.main(["sts4x"]) == 1
    assert "did you mean" in capsys.readouterr().err


class TestAPackageWhoseDriverIsBroken:
    @pytest.fixture
    def broken(self, example: Path) -> Any:
        """Return a function that gives the example's driver another module."""

        def write(text: str) -> None:
            (example / "limpet_sts3x.py").write_text(text, encoding="utf-8")
            sys.modules.pop("limpet_sts3x", None)
            importlib.invalidate_caches()

        return write

    @pytest.mark.parametrize(
        ("text", "why"),
        [("1 / 0", "ZeroDivisionError"), ("class", "SyntaxError"), ("import nothing_there", "nothing_there"),
         ("x = 1", "Sts3x"), ("def Sts3x(): pass", "is no driver"), ("raise SystemError", "SystemError")],
    )  # fmt: skip
    def test_is_named_where_it_is_listed_and_configured(self, text: str, why: str, broken: Any, capsys: Any) -> None:
        broken(text)
        for words, code in ((["chips"], 1), (["chips", "sts3x"], 1), (["check", "-c", "limpet.toml"], 78)):
            assert main.main(words) == code
            told = capsys.readouterr().err
            assert "cannot be loaded" in told
            assert why in told
        assert main.main(["schema", "config"]) == 0

    @pytest.mark.parametrize("raised", ["KeyError('odd')", "RuntimeError('odd')", "ZeroDivisionError('odd')"])
    def test_may_raise_anything_when_it_is_made(self, raised: str, broken: Any, capsys: Any) -> None:
        head = "from drivers.chip import I2cChip\nclass Sts3x(I2cChip):\n    name = 'sts3x'\n    addresses = (0x4a,)\n"
        broken(f"{head}    def __init__(self, bus, address=None, *, speed=1):\n        raise {raised}\n")
        assert main.main(["check", "-c", "limpet.toml"]) == 78
        assert raised in capsys.readouterr().err
        assert conformance.main(["sts3x"]) == 1

    def test_of_an_option_its_values_are_told(self, example: Path, capsys: Any) -> None:
        (example / "limpet.toml").write_text(
            '[[sensor]]\nid = "a"\ndriver = "sts3x"\noptions = {repeatability = "medum"}\n'
        )
        assert main.main(["check", "-c", "limpet.toml"]) == 78
        assert "fix: write high, medium or low" in capsys.readouterr().err


def test_a_fake_says_in_what_its_chip_is_unlike_others(
    example: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(fake_chip("sts3x")), "unlike", {"transfers": 1})
    assert conformance.main(["sts3x"]) == 1
    assert "a reading takes 2 transfers" in capsys.readouterr().out
