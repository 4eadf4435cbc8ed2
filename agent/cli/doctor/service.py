"""Checks of the service: its configuration, whether it runs, whether it tells of itself."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator

from .checks import BROKEN, OK, SKIPPED, WARNING, Finding, Site

HEALTH = "/run/limpet/health.json"
OLD = 180.0  # seconds; a running agent writes at least every minute


def unit(site: Site) -> Iterator[Finding]:
    """What systemd says."""
    if not (site.systemd and site.installed):
        yield Finding("service", SKIPPED, "not installed as a service here")
        return
    told = site.run(["systemctl", "show", "limpet", "-p", "ActiveState,Result,NRestarts,UnitFileState"])
    facts = dict(line.partition("=")[::2] for line in (told or "").splitlines())
    state, restarts = facts.get("ActiveState", "unknown"), int(facts.get("NRestarts") or 0)
    if state == "active":
        yield Finding("service", OK, "active")
        yield _health(site)
    elif state == "failed" or facts.get("Result", "success") != "success":
        text = f"{state} ({facts.get('Result')})"
        yield Finding("service", BROKEN, text, "journalctl -u limpet -n 30; then: sudo systemctl restart limpet")
    else:
        yield Finding("service", BROKEN, state, "sudo systemctl start limpet")
    if restarts:
        yield Finding("service", WARNING, f"restarted {restarts} times by systemd", "journalctl -u limpet -p warning")
    if facts.get("UnitFileState") == "disabled":
        yield Finding("service", WARNING, "does not start with the machine", "sudo systemctl enable limpet")


def _health(site: Site) -> Finding:
    try:
        age = time.time() - site.path(HEALTH).stat().st_mtime
    except OSError:
        return Finding("health", WARNING, f"there is no {HEALTH} yet", "limpet status")
    if age > OLD:
        return Finding("health", BROKEN, f"{HEALTH} is {age:.0f} s old", "sudo systemctl restart limpet")
    return Finding("health", OK, f"told {max(0.0, age):.0f} s ago")


def secrets(site: Site) -> Iterator[Finding]:
    """Secret files that every user can read."""
    if site.settings is None:
        return
    mqtt = site.settings.mqtt
    for file in (mqtt.password_file, mqtt.tls.key_file if mqtt.tls is not None else None):
        if file is not None and file.exists() and file.stat().st_mode & stat.S_IROTH:
            yield Finding("secrets", WARNING, f"everybody can read {file}", f"sudo chmod o-rwx {file}")
