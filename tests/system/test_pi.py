"""The service on a machine like a Pi: pi.sh, where the environment variable PIVM names such a machine."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "pi.sh"


@pytest.mark.skipif(not os.environ.get("PIVM"), reason="no virtual machine: PIVM names its folder")
def test_the_service_installs_publishes_survives_and_goes():
    done = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr


def test_is_skipped_with_a_reason_where_there_is_no_machine():
    environ = {name: value for name, value in os.environ.items() if name != "PIVM"}
    done = subprocess.run(["bash", str(SCRIPT)], env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 77
    assert done.stderr.startswith("skipped:")
