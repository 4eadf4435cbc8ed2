"""`limpet completion`: a script that lets a shell complete the commands and options. It is made beforehand."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).with_name("shell")
SHELLS = ("bash", "zsh", "fish")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument("shell", nargs="?", choices=SHELLS, default=_shell(), help="default: that of $SHELL")
    parser.epilog = (
        "example:\n"
        "  limpet completion bash > ~/.local/share/bash-completion/completions/limpet\n"
        '  limpet completion zsh > "${fpath[1]}/_limpet"\n'
        "  limpet completion fish > ~/.config/fish/completions/limpet.fish\n\n"
        "install.sh places all three, and the man page, for everybody."
    )


def _shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    return name if name in SHELLS else SHELLS[0]


def main(args: argparse.Namespace) -> int:
    """Print one script."""
    sys.stdout.write((HERE / f"limpet.{args.shell}").read_text(encoding="utf-8"))
    return 0
