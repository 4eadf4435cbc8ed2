"""The demo's own broker: iotcore in a child process, which can be taken down and brought up again."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HOST = "127.0.0.1"
# Seconds to come up, at most, and between two looks whether it has.
UP, LOOK = 10.0, 0.02
# The child ends when our end of its stdin closes, however we end.
CHILD = """
import os, sys, threading
from iotcore import IotCoreBroker
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""
CONFIG = """id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 5000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = true
"""


def installed() -> bool:
    """Return whether iotcore is installed."""
    return importlib.util.find_spec("iotcore") is not None


class EmbeddedBroker:
    """Speaks MQTT 5 on a free port of the loopback interface; forgets everything when it goes down."""

    def __init__(self) -> None:
        self.host, self.port = HOST, _free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="limpet-broker-")
        self._config = Path(self._folder.name) / "broker.toml"
        self._config.write_text(CONFIG.format(host=self.host, port=self.port))
        self._child: subprocess.Popen[bytes] | None = None

    async def up(self) -> None:
        """Start it and wait until it listens.

        Raises:
            OSError: it did not come up.
        """
        self._child = subprocess.Popen(  # noqa: ASYNC220 - a fork takes a millisecond
            [sys.executable, "-P", "-c", CHILD, str(self._config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is meant for us alone.
            start_new_session=True,
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UP):
                while self._child.poll() is None:
                    if await self._listens():
                        return
                    await asyncio.sleep(LOOK)
        self.down()
        raise OSError("the demo's broker did not come up; is iotcore's wheel the one for this machine?")

    def down(self) -> None:
        """End it, at once."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()

    def close(self) -> None:
        """End it and remove its file."""
        self.down()
        self._folder.cleanup()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            return False
        writer.close()
        return True


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port
