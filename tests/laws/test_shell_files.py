"""The completion scripts and the man page say what `--help` says, and the shells understand them."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from typing import Any

import pytest

from agent.cli import completion, main
from agent.cli.commands import present

from .shell_files import scripts

STALE = "run: python -m tests.laws.shell_files"


def words(text: str) -> set[str]:
    """Return the words of a text: argparse lays it out in another way in each version of Python."""
    return set(re.findall(r"\w+", text))


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_script_has_the_words_of_the_help(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    name = f"limpet.{shell}"
    assert words((completion.HERE / name).read_text(encoding="utf-8")) == words(scripts()[name]), STALE


def test_the_man_page_has_the_words_of_the_help() -> None:
    """Of every command: its options, what is said of them, and its examples."""
    page = (completion.HERE / "limpet.1").read_text(encoding="utf-8").replace("\\-", "-").replace("\\,", "")
    _, commands = main.whole_parser()
    for command, one in commands.items():
        texts = [action.help or "" for action in one._actions if action.help not in (None, argparse.SUPPRESS)]
        options = [
            option for action in one._actions for option in action.option_strings if option not in ("-h", "--help")
        ]
        wanted = words(" ".join([one.description or "", one.epilog or "", *texts]).replace("%%", "%"))
        assert wanted - words(page) <= {"show", "this", "help", "message", "and", "exit"}, f"{command}: {STALE}"
        assert all(option in page for option in options), f"{command}: {STALE}"


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_script_is_printed_and_names_every_command(shell: str, capsys: Any) -> None:
    assert main.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(re.search(rf"\b{command}\b", script) for command in present())


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_shell_understands_its_script(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([program, "-n", completion.HERE / f"limpet.{shell}"], check=True, timeout=20)


@pytest.mark.parametrize(
    ("words", "offered"),
    [(["limpet", "ch"], {"chips", "check"}), (["limpet", "chips", "bme"], {"bme280", "bme680"}),
     (["limpet", "run", "--sim"], {"--simulate"})],
)  # fmt: skip
def test_bash_completes_commands_names_and_options(words: list[str], offered: set[str]) -> None:
    program = shutil.which("bash")
    if program is None:
        pytest.skip("bash is not installed")
    line = f"""COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
source {completion.HERE / "limpet.bash"}
_shtab_limpet {words[0]} {words[-1]} {words[-2]}; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run([program, "-c", line], check=True, capture_output=True, text=True, timeout=20)
    assert set(done.stdout.split()) == offered


def test_the_man_page_is_one() -> None:
    program = shutil.which("man")
    if program is None:
        pytest.skip("man is not installed")
    page = completion.HERE / "limpet.1"
    done = subprocess.run([program, "--warnings", "-l", page], check=True, capture_output=True, text=True, timeout=20)
    assert "limpet demo" in done.stdout
    assert not done.stderr
