"""Checks of the machine itself: power, clock, disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .checks import BROKEN, OK, SKIPPED, WARNING, Finding, Site

THROTTLED = {  # bits of the firmware's get_throttled: now, and since the boot
    0: "under-voltage",
    1: "the frequency is capped",
    2: "the processor is throttled",
    3: "the soft temperature limit is reached",
}
KEEP_FREE = 8 << 20  # bytes that the outbox leaves to the rest of the machine
WEAR = 1_000_000_000  # bytes a day that let a card of 16 GB live for years
VACUUM = "sudo journalctl --vacuum-size=50M"


def power(site: Site) -> Iterator[Finding]:
    """Under-voltage and throttling, as the firmware tells."""
    flags = _flags(site)
    if flags is None:
        yield Finding("power", SKIPPED, "this machine does not tell of its supply")
        return
    now = [text for bit, text in THROTTLED.items() if flags >> bit & 1]
    once = [text for bit, text in THROTTLED.items() if flags >> (bit + 16) & 1]
    cure = "use the official supply and a short, thick cable; then: vcgencmd get_throttled"
    if flags & 1:
        yield Finding("power", BROKEN, "now: " + ", ".join(now), cure)
    elif now:
        yield Finding(
            "power", WARNING, "now: " + ", ".join(now), "give it air or a heat sink; then: vcgencmd measure_temp"
        )
    elif once:
        yield Finding("power", WARNING, "since the start of the machine: " + ", ".join(once), cure)
    else:
        yield Finding("power", OK, "no under-voltage, no throttling since the start of the machine")


def _flags(site: Site) -> int | None:
    """Return the firmware's bits; from its file, its tool, or (bit 0 only) the sensor of newer boards."""
    for node in site.root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled"):
        return int(node.read_text(), 16)
    told = site.run(["vcgencmd", "get_throttled"])
    if told and told.startswith("throttled="):
        return int(told.partition("=")[2], 16)
    for node in site.root.glob("sys/class/hwmon/hwmon*"):
        if (node / "name").read_text().strip() == "rpi_volt":
            return int((node / "in0_lcrit_alarm").read_text())
    return None


def clock(site: Site) -> Iterator[Finding]:
    """Whether the wall clock can be believed."""
    told = site.run(["timedatectl", "show", "-P", "NTPSynchronized"])
    if told is None:
        yield Finding("clock", SKIPPED, "nothing here tells whether the clock is synchronised")
    elif told == "yes":
        yield Finding("clock", OK, "synchronised")
    else:
        text = "not synchronised: batches are marked, and put right when it is"
        on = site.run(["timedatectl", "show", "-P", "NTP"]) == "yes"
        yield Finding("clock", WARNING, text, "timedatectl timesync-status" if on else "sudo timedatectl set-ntp true")


def disk(site: Site) -> Iterator[Finding]:
    """Room for the outbox, and whether it can be written at all."""
    folder = state_dir(site)
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if status.f_flag & os.ST_RDONLY:
        yield Finding("disk", BROKEN, f"{folder} is read-only: the card may be dying", "sudo mount -o remount,rw /")
    elif free < KEEP_FREE:
        yield Finding("disk", BROKEN, f"{folder}: {free >> 20} MiB are free, the outbox stays in memory", VACUUM)
    elif site.settings is not None and free < site.settings.outbox.max_size + KEEP_FREE:
        text = f"{folder}: {free >> 20} MiB are free, less than outbox.max_size may need"
        yield Finding("disk", WARNING, text, VACUUM)
    else:
        yield Finding("disk", OK, f"{folder}: {free >> 20} MiB are free")


def wear(site: Site) -> Iterator[Finding]:
    """What the configuration writes to the card."""
    if site.settings is None or not site.settings.sensors:
        return
    from ..sizing import plan_round, planned, size

    every = sorted({sensor.every for sensor in site.settings.sensors})
    plan = planned(site.settings, [plan_round(site.settings, one) for one in every])
    count = plan["card_bytes_per_day"]["online"]
    text = f"{size(count)} a day are written while the broker answers"
    if count > WEAR:
        yield Finding("card wear", WARNING, text, 'set outbox.durability = "outage", then: limpet plan')
    else:
        yield Finding("card wear", OK, text)


def state_dir(site: Site) -> Path:
    """Return the folder of the outbox, or what there is of the way to it."""
    folder = site.settings.state_dir(site.environ) if site.settings is not None else Path("/var/lib/limpet")
    folder = site.path(str(folder.absolute()))
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
