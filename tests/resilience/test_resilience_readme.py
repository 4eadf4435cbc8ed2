"""The README of the resilience core is a program, and its numbers are those of the code."""

import re
from pathlib import Path

import agent.resilience

README = Path(agent.resilience.__file__).with_name("README.md")
TOLD_WRONG = {"2.4 %", "15 s", "27,000 s"}


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


class TestTheReadme:
    def test_retells_five_examples(self):
        assert re.findall(r"^## (\d)\.", README.read_text(encoding="utf-8"), re.MULTILINE) == list("12345")

    def test_is_a_program_that_runs(self):
        names: dict[str, object] = {}
        for number, block in enumerate(blocks(), 1):
            exec(compile(block, f"README.md, block {number}", "exec"), names)
        assert names["failed"]

    def test_gives_the_wrong_numbers_only_as_such(self):
        text = " ".join(README.read_text(encoding="utf-8").split())
        for sentence in re.split(r"(?<=[.)]) (?=[A-Z])", text):
            if any(number in sentence for number in TOLD_WRONG):
                assert re.search("often told|would be", sentence), sentence
