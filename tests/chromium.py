"""A real Chromium for tests: headless, spoken to over its pipe in the DevTools protocol.

Source: "Chrome DevTools Protocol"; `--remote-debugging-pipe` takes JSON messages, each ended by a zero byte, on file
descriptor 3 and answers on 4.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHIN = 30.0  # seconds for an answer
# What `wait_for` awaits: the page itself looks again every few milliseconds.
WAIT = """new Promise((done, fail) => {
  const began = performance.now();
  const look = () => {
    let found;
    try { found = (%s); } catch { found = null; }
    if (found) done(true);
    else if (performance.now() - began > 20000) fail(new Error("never true"));
    else setTimeout(look, 20);
  };
  look();
})"""


def installed() -> str | None:
    """Return the path of the browser, None if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One browser with one page.

    Attributes:
        errors: what the page's console has shown of errors so far.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._number, self._rest, self._session = 0, b"", ""

    def __enter__(self) -> Chromium:
        # Above 9, because 3 and 4 are those of the child.
        (r, self._write), (self._read, w) = os.pipe(), os.pipe()
        ours, theirs = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (r, w))
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars"]
        self._process = subprocess.Popen(
            [installed() or "chromium", *options, f"--user-data-dir={self._folder.name}", "about:blank"],
            preexec_fn=lambda: (os.dup2(ours, 3), os.dup2(theirs, 4)),  # noqa: PLW1509
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (r, w, ours, theirs):
            os.close(fd)
        page = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attach = {"targetId": page["targetId"], "flatten": True}
        self._session = self.call("Target.attachToTarget", attach)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(WITHIN)
        self._folder.cleanup()

    def open(self, url: str, width: int = 1280, height: int = 800, *, dark: bool = False) -> None:
        """Open a page in a window of this size; the console's earlier errors are forgotten."""
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.errors.clear()
        self.call("Page.navigate", {"url": url})
        self.wait_for("document.readyState === 'complete'")

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        phone = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", size)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; of a promise, what it resolves to."""
        found = self.call("Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True})
        if "exceptionDetails" in found:
            raise AssertionError(f"{expression}: {found['exceptionDetails']['exception']['description']}")
        return found["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        self.evaluate(WAIT % expression)

    def text(self, selector: str) -> str:
        """Return the text of an element as it is shown."""
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write a picture of the window, or of the whole page, in the format of the file's name."""
        how = {"format": file.suffix.removeprefix("."), "quality": 85, "captureBeyondViewport": whole}
        found = self.call("Page.captureScreenshot", how)
        file.write_bytes(base64.b64decode(found["data"]))

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of a method of the protocol."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters or {}}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + WITHIN
        while (answer := self._message(deadline)).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            read = os.read(self._read, 1 << 20)
            assert read, "Chromium has ended"
            self._rest += read
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        found = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(found["exceptionDetails"].get("exception", found).get("description", found)))
            case "Runtime.consoleAPICalled" if found["type"] in ("error", "warning"):
                self.errors.append(str(found["args"]))
            case "Log.entryAdded" if found["entry"]["level"] in ("error", "warning"):
                self.errors.append(f"{found['entry']['text']} {found['entry'].get('url', '')}")
