"""Configuration files of older versions: the changes since, and how a file is upgraded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .mistakes import ConfigError, Mistake

# Each step upgrades the text by one version, the first one from 1 to 2. Steps keep the number of lines, so that
# mistakes are reported where the user wrote them.
STEPS: Sequence[Callable[[str], str]] = ()

# The first line of each new configuration that we write: editors find there what may stand in it. On a Pi the schema
# lies beside the file; elsewhere `limpet schema config > limpet.schema.json` makes it.
SCHEMA_LINE = "#:schema ./limpet.schema.json"

_VERSION = re.compile(r"^(\s*config_version\s*=\s*)[0-9]+", re.MULTILINE)


def current() -> int:
    """Return the current version."""
    return 1 + len(STEPS)


def version(raw: Mapping[str, Any]) -> int:
    """Return the version of a file; the current one if the key is invalid, which is reported with other mistakes."""
    said = raw.get("config_version", 1)
    return said if type(said) is int and said >= 1 else current()


def upgraded(text: str, since: int) -> str:
    """Return the text of a file of version `since`, upgraded to the current version."""
    for step in STEPS[since - 1 :]:
        text = step(text)
    return _VERSION.sub(rf"\g<1>{current()}", text)


def rewrite(file: Path, text: str, since: int) -> Path:
    """Replace a file's text and return its backup, `limpet.toml.1` for a file of version 1; mode and owner stay.

    Raises:
        ConfigError: the folder is not writable, or the disk is full. The file is as it was.
    """
    # It imports three compressors, and hardly any start has a file to upgrade.
    import shutil

    backup, fresh = file.with_name(f"{file.name}.{since}"), file.with_name(f".{file.name}.new")
    try:
        shutil.copy2(file, backup)
        fresh.write_text(text, encoding="utf-8")
        shutil.copymode(file, fresh)
        state = file.stat()
        if (state.st_uid, state.st_gid) != (fresh.stat().st_uid, fresh.stat().st_gid):
            os.chown(fresh, state.st_uid, state.st_gid)
        fresh.replace(file)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        what, fix = f"cannot be written: {error.strerror}", f"sudo limpet check --upgrade -c {file}"
        raise ConfigError([Mistake(str(file), 0, "", what, fix)]) from error
    return backup
