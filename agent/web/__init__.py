"""The status page, /metrics and /healthz: the extra `web`, imported only where the configuration asks for it."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def missing() -> str | None:
    """Return the command that installs what the page needs, None if it is there."""
    return None if find_spec("h11") is not None else f"{sys.executable} -m pip install h11"
