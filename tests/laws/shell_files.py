"""The completion scripts and the man page, made from the text of `--help`. Writes them when run as a module."""

from __future__ import annotations

import argparse
import os
import tomllib
from pathlib import Path

import shtab

from agent.cli import completion, main
from drivers import catalog

ROOT = Path(__file__).parents[2]
# The day of the man page: it says nothing of the content, and must be the same at every run.
DAY = "1767225600"
SECTIONS = """.SH FILES
/etc/limpet/limpet.toml, /run/limpet/health.json, /var/lib/limpet
.SH EXIT STATUS
0 done, 1 it failed or found a fault, 2 wrong usage, 78 the configuration is wrong
.SH ENVIRONMENT
LIMPET_CONFIG: the configuration to use. LIMPET_MQTT_PASSWORD: the password for the broker.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of `limpet` with those of all its commands, and what each argument is completed with."""
    whole, commands = main.whole_parser()
    names = next((one for one in commands["chips"]._actions if one.dest == "name"), None)
    if names is not None:
        names.choices = catalog.ours()
    for one in (whole, *commands.values()):
        for action in one._actions:
            if action.metavar == "FILE":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return whole


def scripts() -> dict[str, str]:
    """Return the text of each completion script by its file's name."""
    os.environ["COLUMNS"] = "100"
    return {f"limpet.{shell}": f"{shtab.complete(parser(), shell=shell).rstrip()}\n" for shell in completion.SHELLS}


def man_page() -> str:
    """Return the text of the man page."""
    from argparse_manpage.manpage import Manpage

    os.environ.update(COLUMNS="100", SOURCE_DATE_EPOCH=DAY)
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    data = {"project_name": "limpet", "manual_title": "Limpet"}
    data |= {one: about[one] for one in ("version", "description")}
    page = str(Manpage(parser(), format="single-commands-section", _data=data))
    return f"{(page + examples() + SECTIONS).rstrip()}\n"


def examples() -> str:
    """Return the man page's section of examples: those of `--help`."""
    _, commands = main.whole_parser()
    texts = [one.epilog.removeprefix("example:\n") for one in commands.values() if one.epilog]
    lines = "\n\n".join(texts).replace("\\", "\\\\").replace("-", "\\-").splitlines()
    # A line must not begin with a dot or a quote: that would be a request.
    return "\n".join([".SH EXAMPLES", ".nf", *(f"\\&{line}" if line else line for line in lines), ".fi", ""])


if __name__ == "__main__":
    for name, text in {**scripts(), "limpet.1": man_page()}.items():
        (completion.HERE / name).write_text(text, encoding="utf-8")
