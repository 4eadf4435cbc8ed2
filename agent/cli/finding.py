"""What a scan finds, for the status page of an agent without sensors."""

from __future__ import annotations

from typing import Any

BLOCK_START = "# What a scan has found, for the end of the configuration."
NO_BUS = "no I2C bus on this machine; on a Raspberry Pi: sudo raspi-config nonint do_i2c 0, then reboot"


def finding(*, simulate: bool = False) -> dict[str, Any]:
    """Scan all buses and return the rows of a table, a block for the configuration, and what could not be scanned.

    Args:
        simulate: scan a small simulated bench instead.
    """
    # Imported here: most runs never scan.
    from . import config_writer, scan

    scans, listed, close = scan.bench() if simulate else (*scan.this_machine(), None)
    try:
        scan.look(scans)
    finally:
        if close is not None:
            close()
    found = [one for each in scans for one in each.found]
    problems = [each.error for each in scans if each.error] + ([] if scans else [NO_BUS])
    rows = [*map(scan.row, found), *map(scan.kernel_row, listed)]
    return {
        "devices": [dict(zip(("where", "address", "behind", "what"), row, strict=True)) for row in rows],
        "problems": problems,
        "block": config_writer.draft(found, listed, f"{BLOCK_START}\n").strip() + "\n",
    }
