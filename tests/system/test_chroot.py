"""The installer and the Debian package on plain Debian, in a chroot."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("chroot.sh")
SUITES = os.environ.get("CHROOT_SUITES", "").split()


@pytest.mark.skipif(not SUITES, reason='takes a minute and a network: CHROOT_SUITES="bookworm trixie"')
@pytest.mark.skipif(shutil.which("debootstrap") is None or os.geteuid() != 0, reason="needs debootstrap and root")
@pytest.mark.parametrize("suite", SUITES)
def test_installs_upgrades_and_goes_away(suite):
    done = subprocess.run(["bash", SCRIPT, suite], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
