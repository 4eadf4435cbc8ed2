"""`limpet doctor`: what is wrong with this machine, each fault with the command that cures it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from agent import config

from ..commands import print_json, takes_config, takes_json
from . import buses, machine, network, pins, ports, service
from .checks import BROKEN, OK, SKIPPED, WARNING, Check, Finding, Site, examine

CHECKS: dict[str, Check] = {
    "i2c": buses.i2c,
    "i2c owner": buses.owners,
    "i2c speed": buses.speed,
    "gpio": pins.gpio,
    "pin backend": pins.backend,
    "spi": ports.spi,
    "serial": ports.serial,
    "power": machine.power,
    "clock": machine.clock,
    "disk": machine.disk,
    "card wear": machine.wear,
    "secrets": service.secrets,
    "service": service.unit,
    "name": network.name,
    "broker": network.broker,
    "home assistant": network.homeassistant,
}
MARKS = {OK: "ok", WARNING: "warning", BROKEN: "BROKEN", SKIPPED: "-"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.epilog = "example:\n  limpet doctor\n  sudo limpet doctor --json"


def main(args: argparse.Namespace) -> int:
    """Check all; return 1 if something is broken, 78 if the configuration is wrong, 0 otherwise."""
    settings, first, code = configuration(getattr(args, "config", None))
    findings = list(first)
    site = Site(settings, os.environ)
    if not args.json:
        show(findings)
    for finding in examine(CHECKS, site):
        findings.append(finding)
        if not args.json:
            show([finding])
    broken = sum(one.level == BROKEN for one in findings)
    warnings = sum(one.level == WARNING for one in findings)
    if args.json:
        print_json({"findings": [asdict(one) for one in findings], "broken": broken, "warnings": warnings})
    else:
        print(f"{broken} broken, {warnings} warnings", file=sys.stderr)
    return code or (1 if broken else 0)


def configuration(explicit: str | None) -> tuple[config.Config | None, list[Finding], int]:
    """Return the configuration as far as there is one, what is to be said about it, and the exit code for it."""
    try:
        file = config.find(explicit)
    except config.ConfigError:
        if explicit:
            raise
        text = "there is none: only the machine is checked"
        return None, [Finding("configuration", SKIPPED, text, "limpet scan --toml")], 0
    if not os.access(file, os.R_OK):
        return None, [Finding("configuration", WARNING, f"{file} is closed to this user", "sudo limpet doctor")], 0
    try:
        settings = config.load(file)
    except config.ConfigError as error:
        text = f"{file} has {len(error.mistakes)} mistakes; only the machine is checked"
        return None, [Finding("configuration", BROKEN, text, f"limpet check -c {file}")], 78
    if settings.warnings:
        text = f"{file}: {len(settings.warnings)} warnings"
        return settings, [Finding("configuration", WARNING, text, f"limpet check -c {file}")], 0
    return settings, [Finding("configuration", OK, f"{file}: {len(settings.sensors)} sensors")], 0


def show(findings: Sequence[Finding]) -> None:
    """Print findings for people, each as soon as it is known."""
    for one in findings:
        print(f"{MARKS[one.level]:8} {one.check:15} {one.text}", flush=True)
        if one.cure is not None and one.level != OK:
            print(f"{'':8} {'':15} cure: {one.cure}", flush=True)
