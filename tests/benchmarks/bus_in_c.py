"""Builds bus_in_c.c and says how a program comes to stand on it: adapters that answer in C, as a kernel does.

A bus in Python (`cheap.Wire`) takes 5 µs a transfer from everybody, which hides what stands above it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
# The request that makes an adapter of a descriptor, as in the source.
ATTACH = 0x4C50


def build(folder: Path) -> Path | None:
    """Return the library, built where it is not there yet; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "bus_in_c.so"
    if not library.exists():
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


def environment(library: Path, page: str) -> dict[str, str]:
    """Return the environment of a program that is to find these adapters; `page`: see `cheap.Page`."""
    return {"LD_PRELOAD": str(library), "BUS_IN_C_PAGE": page}
