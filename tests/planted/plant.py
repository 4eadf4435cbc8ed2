"""Plants small mistakes into a copy of the project, one at a time, and prints which test notices each of them.

    python tests/planted/plant.py [--only WORD] [--jobs N] [--check]

The mistakes are data: `*.toml` beside this file, each with a file, an edit and the tests that should notice. With
`--check` nothing runs: each edit is only looked up. Exit 1 when a mistake is not noticed, or its place is not found.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NEEDED = ("agent", "drivers", "deploy", "tests", "pyproject.toml", "README.md")
LONGEST = 300.0  # seconds: a mistake that makes the tests hang is noticed, too


@dataclass(frozen=True)
class Mistake:
    """One edit that no test suite may miss.

    Attributes:
        room: the list it stands in. what: what is wrong afterwards.
        file: where, from the root. old: the text that is there exactly once; new: what takes its place.
        tests: what should notice.
    """

    room: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def planted(self, root: Path) -> str:
        """Return the file's text with the mistake in it.

        Raises:
            LookupError: the text is not there exactly once.
        """
        if not (root / self.file).exists():
            raise LookupError(f"{self.file}: is not there")
        text = (root / self.file).read_text()
        if (found := text.count(self.old)) != 1:
            raise LookupError(f"{self.file}: found {found} times, not once: {self.old!r}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Verdict:
    """What became of a mistake: by which test it was noticed ("" if by none), or why it was not planted."""

    mistake: Mistake
    noticed: str = ""
    trouble: str = ""
    seconds: float = 0.0


def mistakes() -> Iterator[Mistake]:
    """Yield every mistake of every list."""
    for file in sorted(HERE.glob("*.toml")):
        for entry in tomllib.loads(file.read_text())["mistake"]:
            yield Mistake(file.stem, **{**entry, "tests": tuple(entry["tests"])})


class Field:
    """A copy of the project in which one mistake at a time is planted."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in NEEDED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "planted"))
            else:
                shutil.copy(ROOT / name, folder / name)

    def red(self, tests: set[str]) -> str:
        """Return what pytest says last of tests that are red while nothing is planted; empty if they are green."""
        run = self._run(sorted(tests))
        return "\n".join(run.stdout.splitlines()[-5:]) if run.returncode else ""

    def plant(self, mistake: Mistake) -> Verdict:
        """Run the tests that should notice, with the mistake in place."""
        place = self.root / mistake.file
        try:
            planted = mistake.planted(self.root)
        except LookupError as error:
            return Verdict(mistake, trouble=str(error))
        sound = place.read_text()
        place.write_text(planted)
        began = time.monotonic()
        try:
            return self._verdict(mistake, began)
        finally:
            place.write_text(sound)

    def _verdict(self, mistake: Mistake, began: float) -> Verdict:
        try:
            run = self._run(mistake.tests)
        except subprocess.TimeoutExpired:
            return Verdict(mistake, "the tests hang", seconds=LONGEST)
        took = time.monotonic() - began
        if run.returncode == 0:
            return Verdict(mistake, seconds=took)
        if run.returncode != 1:  # the tests did not even begin: that is no mistake which only tests can notice
            return Verdict(mistake, trouble="\n".join(run.stdout.splitlines()[-3:]), seconds=took)
        named = re.search(r"^(?:FAILED|ERROR) (?:\S*/)?(\S+\.py.*?)(?: - .*)?$", run.stdout, re.MULTILINE)
        return Verdict(mistake, named[1] if named else f"exit {run.returncode}", seconds=took)

    def _run(self, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
        environ = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
        return subprocess.run(
            command, cwd=self.root, env=environ, capture_output=True, text=True, timeout=LONGEST, check=False
        )


def verdicts(chosen: list[Mistake], jobs: int) -> Iterator[Verdict]:
    """Plant each mistake, `jobs` at a time; yield what became of each, in their order."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder, ThreadPoolExecutor(jobs) as pool:
        fields: queue.SimpleQueue[Field] = queue.SimpleQueue()
        for number in range(jobs):
            fields.put(Field(Path(folder) / str(number)))
        first = fields.get()
        if red := first.red({test for one in chosen for test in one.tests}):
            sys.exit(f"the tests are red before anything is planted:\n{red}")
        fields.put(first)

        def planted(mistake: Mistake) -> Verdict:
            field = fields.get()
            try:
                return field.plant(mistake)
            finally:
                fields.put(field)

        yield from pool.map(planted, chosen)


def row(verdict: Verdict) -> str:
    """Return a line of the table."""
    said = verdict.noticed or verdict.trouble or "NOT NOTICED"
    return f"{verdict.mistake.room:<14} {verdict.mistake.what:<72} {verdict.seconds:5.1f} s  {said}"


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", metavar="WORD", help="in the room, the file or the description")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many at a time")
    parser.add_argument("--check", action="store_true", help="only look up whether each edit has its place")
    options = parser.parse_args()
    chosen = [one for one in mistakes() if options.only in f"{one.room} {one.file} {one.what}"]
    missed = 0
    if options.check:
        for one in chosen:
            try:
                one.planted(ROOT)
            except LookupError as error:
                print(error)
                missed += 1
        print(f"{len(chosen)} mistakes, {missed} without a place")
        return 1 if missed else 0
    for verdict in verdicts(chosen, options.jobs):
        print(row(verdict), flush=True)
        missed += not verdict.noticed
    print(f"{len(chosen)} planted, {len(chosen) - missed} noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
