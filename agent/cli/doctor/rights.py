"""Whether the one who reads may use a device: the service where it is installed, else this user."""

from __future__ import annotations

import grp

from .checks import BROKEN, OK, Finding, Site


def device(site: Site, check: str, absolute: str, group: str) -> Finding:
    """Return whether a device that is there can be used."""
    if site.installed and site.systemd:
        return _by_service(site, check, absolute)
    if site.can_use(site.path(absolute)):
        return Finding(check, OK, f"{absolute} is there and open to us")
    cure = f"sudo usermod -aG {group} $USER, then log in again"
    return Finding(check, BROKEN, f"{absolute} is not open to this user", cure)


def _by_service(site: Site, check: str, absolute: str) -> Finding:
    status = site.path(absolute).stat()
    owner = _name(status.st_gid)
    groups = (site.run(["systemctl", "show", "-P", "SupplementaryGroups", "limpet"]) or "").split()
    if status.st_mode & 0o006 == 0o006 or (owner in groups and status.st_mode & 0o060 == 0o060):
        return Finding(check, OK, f"{absolute} is there and open to the service")
    if owner == "root":
        text = f"{absolute} belongs to root alone: the udev rules are missing or did not run"
        return Finding(check, BROKEN, text, "sudo udevadm control --reload && sudo udevadm trigger")
    text = f"{absolute} belongs to group {owner}, in which the service is not"
    cure = f"printf '[Service]\\nSupplementaryGroups={owner}\\n' | sudo systemctl edit --stdin limpet"
    if "--stdin" not in (site.run(["systemctl", "edit", "--help"]) or ""):  # systemd 256 has it
        cure = "sudo sh deploy/install.sh"
    return Finding(check, BROKEN, text, cure)


def _name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
