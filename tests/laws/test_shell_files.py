"""The completion scripts and the man page say what `--help` says, and the shells understand them."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest

from agent.cli import completion, main
from agent.cli.commands import present

from .shell_files import files

NAMES = (*(f"limpet.{shell}" for shell in completion.SHELLS), "limpet.1")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_words_of_the_help(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, since argparse lays out its text in another way in each version of Python."""
    monkeypatch.setenv("COLUMNS", "100")
    written = (completion.HERE / name).read_text(encoding="utf-8")
    assert set(re.findall(r"\w+", written)) == set(re.findall(r"\w+", files()[name])), (
        "run: python -m tests.laws.shell_files"
    )


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
