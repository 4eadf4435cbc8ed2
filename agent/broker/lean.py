"""paho's client, imported without `urllib.request`: paho needs that for proxies only, and never opens our sockets.

It brings HTTP and e-mail with it, nine milliseconds of a start on a desktop and ten times that on a small Pi.
"""

from __future__ import annotations

import importlib
import sys
import urllib
from types import ModuleType
from typing import Any

NEEDLESS = "urllib.request"


def _stand_in() -> ModuleType:
    """Return a module that imports the true one as soon as an attribute of it is asked for."""
    module = ModuleType(NEEDLESS)

    def attribute(name: str) -> Any:
        return getattr(importlib.import_module(NEEDLESS), name)

    module.__getattr__ = attribute  # type: ignore[method-assign]
    return module


if NEEDLESS in sys.modules:
    from paho.mqtt import client as paho
else:
    sys.modules[NEEDLESS] = urllib.request = _stand_in()
    try:
        from paho.mqtt import client as paho
    finally:
        # Whatever imports it from now on gets the true one, which also takes this one's place in `urllib`.
        del sys.modules[NEEDLESS]

__all__ = ["paho"]
