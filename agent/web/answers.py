"""The page and its documents by path. Pure: from method, target and Host to an answer."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from . import metrics
from .live import Live

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
EVENTS = "text/event-stream"
SCRIPTS = ("page", "live", "first", "sensors", "sparkline", "story", "troubles", "words")
FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in SCRIPTS},
    # Browsers ask for the second one where a document names none, as JSON does.
    **dict.fromkeys(("/icon.svg", "/favicon.ico"), ("icon.svg", "image/svg+xml")),
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        headers: beyond those that all responses have.
        live: what follows the body, as events, until the client leaves; None: nothing.
    """

    status: int
    body: bytes
    kind: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    live: Live | None = None


class Documents(Protocol):
    """The documents, as published, and what is counted of each sensor's reads."""

    def health(self) -> dict[str, Any]: ...
    def state(self) -> dict[str, Any]: ...
    def info(self) -> dict[str, Any]: ...
    def reads(self) -> dict[str, metrics.Reads]: ...


class Answers:
    """Answers requests that name this machine.

    A foreign page can make its visitor's browser send us requests under the page's own host name (DNS rebinding).
    Therefore only this machine's names are answered. IP addresses cannot be rebound; they are answered where the
    configuration listens on all of them.

    Args:
        alive: returns whether rounds make progress.
        live: what the page shows; None: `/events` and `/page.json` are not there.
        host: the configured address.
        names: further names of this machine.
    """

    def __init__(
        self,
        documents: Documents,
        alive: Callable[[], bool],
        host: str,
        names: Iterable[str] = (),
        live: Live | None = None,
    ) -> None:
        self.status, self.alive = documents, alive
        self.names = {_spelt(name) for name in (*LOOPBACK, host, *names) if name}
        self.numbers = _spelt(host) in EVERYWHERE
        self._paths: dict[str, Callable[[], Answer]] = {
            "/healthz": self._healthz,
            "/metrics": self._metrics,
            "/health.json": lambda: _document(documents.health()),
            "/state.json": lambda: _document(documents.state()),
            "/info.json": lambda: _document(documents.info()),
        }
        if live is not None:
            self._paths |= {
                "/page.json": lambda: Answer(200, live.whole().encode(), JSON),
                "/events": lambda: Answer(200, b"", EVENTS, live=live),
            }

    def to(self, method: str, target: str, host: str | None) -> Answer:
        """Return the answer to a request.

        Args:
            target: a path, or a whole URL as proxies send it; then its host counts, not `host` (RFC 9112 §3.2.2).
            host: the header; None from a client of HTTP/1.0, which is no browser and so cannot be rebound.
        """
        if (scheme := target.partition("://"))[0].lower() in ("http", "https") and scheme[1]:
            host, slash, path = scheme[2].partition("/")
            target = slash + path or "/"
        if host is not None and not self._is_ours(_bare(host)):
            return Answer(403, f"Host {host!r} is none of our names\n".encode())
        if method not in ("GET", "HEAD"):
            return Answer(405, b"only GET and HEAD\n", headers=(("Allow", "GET, HEAD"),))
        path = target.partition("?")[0]
        if path in FILES:
            name, kind = FILES[path]
            return Answer(200, Path(__file__).with_name(name).read_bytes(), kind)
        return self._paths[path]() if path in self._paths else Answer(404, b"nothing is here\n")

    def _is_ours(self, host: str) -> bool:
        return host in self.names or (self.numbers and _is_number(host))

    def _healthz(self) -> Answer:
        if self.alive():
            return Answer(200, b"ok\n")
        return Answer(503, b"no round has finished in time\n")

    def _metrics(self) -> Answer:
        text = metrics.text(self.status.health(), self.status.state(), self.status.info(), self.status.reads())
        return Answer(200, text.encode(), metrics.KIND)


def _document(document: dict[str, Any]) -> Answer:
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    return Answer(200, body, JSON)


def _bare(host: str) -> str:
    """Return the name in a Host header, without port, brackets and trailing dot."""
    if host.startswith("["):
        return _spelt(host[1:].partition("]")[0])
    return _spelt(host.partition(":")[0].rstrip("."))


def _spelt(host: str) -> str:
    """Return the one spelling of a name or an address; clients leave an address's zone out."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return host.lower()


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
