"""The configuration: frozen values from a TOML file, or all of its mistakes at once, each with line and cure."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from .characters import odd
from .corrections import CalibrationConfig
from .devices import BreakerConfig, BusConfig, MuxConfig, RetryConfig, SensorConfig
from .mistakes import ConfigError, Mistake, Report
from .secret import Secret, password
from .tables import (
    SYSTEM_FILE,
    AgentConfig,
    CommandsConfig,
    Config,
    DefaultsConfig,
    HomeAssistantConfig,
    MqttConfig,
    OutboxConfig,
    TlsConfig,
    WebConfig,
)
from .upgrade import SCHEMA_LINE, current, rewrite, upgraded, version

__all__ = [
    "SCHEMA_LINE",
    "AgentConfig",
    "BreakerConfig",
    "BusConfig",
    "CalibrationConfig",
    "CommandsConfig",
    "Config",
    "ConfigError",
    "DefaultsConfig",
    "HomeAssistantConfig",
    "Mistake",
    "MqttConfig",
    "MuxConfig",
    "OutboxConfig",
    "RetryConfig",
    "Secret",
    "SensorConfig",
    "TlsConfig",
    "WebConfig",
    "find",
    "load",
    "older",
    "parse",
    "password",
    "rewrite",
    "syntax",
]

VARIABLE = "LIMPET_CONFIG"


def find(explicit: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file to read: `explicit`, else $LIMPET_CONFIG, else ./limpet.toml, else /etc/limpet/limpet.toml.

    Raises:
        ConfigError: there is none, and the message lists the places that were searched; or a folder was named.
    """
    named = explicit or environ.get(VARIABLE)
    places = [Path(named)] if named else [Path("limpet.toml"), SYSTEM_FILE]
    source = "" if explicit or not named else f" (from ${VARIABLE})"
    if named and places[0].is_dir():
        fix = f"name the file in it: -c {places[0] / 'limpet.toml'}"
        raise ConfigError([Mistake(str(places[0]), 0, "", f"this is a folder{source}", fix)])
    for place in places:
        if place.is_file() or (named and place.exists()):
            return place
    looked = " or ".join(str(place) for place in places) + source
    fix = "name it with -c FILE; `limpet init` writes a first one, `limpet demo` needs none"
    raise ConfigError([Mistake(str(places[-1]), 0, "", f"no configuration found: looked for {looked}", fix)])


def load(path: str | Path | None = None, today: date | None = None) -> Config:
    """Return the configuration in `path`, or in the file that `find` finds. Reads files and does no other I/O.

    Args:
        today: also warn of calibrations that were due before this day.

    Raises:
        ConfigError: with all mistakes.
    """
    file = find(path)
    config, mistakes = parse(_text(file), file, today)
    if config is None:
        raise ConfigError(mistakes)
    return config


def parse(
    text: str, file: str | Path = "limpet.toml", today: date | None = None
) -> tuple[Config | None, list[Mistake]]:
    """Return the configuration, or None if it cannot be used; and all mistakes and warnings, in the file's order.

    Relative paths in it are relative to the folder of `file`.

    Args:
        today: also warn of calibrations that were due before this day.
    """
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [syntax(str(error), text, file)]
    from .checks import checked

    report = Report()
    if (since := version(raw)) < current():
        text = upgraded(text, since)
        raw = tomllib.loads(text)
        what = f"this file is of version {since}, the newest is {current()}"
        report.warning(("config_version",), what, f"limpet check --upgrade -c {file}")
    config = checked(raw, Path(file), report, today)
    mistakes = report.mistakes(text, file, _ids(raw))
    if not all(mistake.is_warning for mistake in mistakes):
        return None, mistakes
    return replace(config, file=Path(file), warnings=tuple(mistakes)), mistakes


def older(file: Path) -> tuple[int, str | None]:
    """Return the version of a file, and its text upgraded to the current version; None if it is current.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    text = _text(file)
    try:
        since = version(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError([syntax(str(error), text, file)]) from None
    return since, upgraded(text, since) if since < current() else None


def _ids(raw: Mapping[str, Any]) -> list[str]:
    """Return the ids of the sensors as they are written, "" for each without one."""
    tables = raw.get("sensor")
    ids = [one.get("id") if isinstance(one, dict) else None for one in (tables if isinstance(tables, list) else ())]
    return [one if isinstance(one, str) else "" for one in ids]


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        fix = "make it readable for this user, or name another one with -c FILE"
        raise ConfigError([Mistake(str(file), 0, "", f"cannot be read: {error.strerror}", fix)]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Mistake(str(file), line, "", "this is no UTF-8 text", "save the file as UTF-8")]) from None


def syntax(message: str, text: str, file: str | Path) -> Mistake:
    """Return tomllib's error as a mistake with its line and a cure."""
    found = re.search(r"\(at line (\d+), column \d+\)", message)
    line = int(found[1]) if found else max(1, len(text.splitlines()))
    what = message[: found.start()].strip() if found else message.replace("(at end of document)", "").strip()
    lines = text.splitlines()
    if character := odd(lines[line - 1].partition("#")[0] if line <= len(lines) else ""):
        return Mistake(str(file), line, "", f"no valid TOML: {character[0]} stands here", character[1])
    cures: dict[str, Any] = {
        "Invalid value": 'texts and durations stand in quotes: every = "10s"; numbers and true/false do not',
        "Cannot overwrite": "this key or table stands here twice: keep one of them",
        "Cannot declare": "this table stands here twice: keep one; sensors are [[sensor]], in double brackets",
    }
    fix = next((cure for start, cure in cures.items() if what.startswith(start)), "a line is [table] or key = value")
    return Mistake(str(file), line, "", f"no valid TOML: {what[:1].lower()}{what[1:]}", fix)
