"""HTTP/1.1 over asyncio and h11: one request per connection, a few clients at a time, none for long but open pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import h11

from .answers import Answer, Answers
from .streams import Streams

log = logging.getLogger("limpet.web")

MOST_CLIENTS = 16
# Seconds for a whole request and its answer.
DEADLINE = 5.0
# Seconds until an address that is in use is tried again.
TRY_AGAIN = 30.0
LARGEST_HEAD = 8192  # bytes
HEADERS = (
    ("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Connection", "close"),
)

TOO_MANY_PAGES = Answer(503, b"too many pages are open\n", headers=(("Retry-After", "30"),))


class Server:
    """Serves answers at an address. Failures here do not affect the rest of the agent.

    All fields belong to the event loop.

    Args:
        on_change: called when `error` changed.

    Attributes:
        error: why the page cannot be served; None while it listens.
    """

    def __init__(self, listen: tuple[str, int], answers: Answers, on_change: Callable[[], object]) -> None:
        self.listen, self.answers, self.on_change = listen, answers, on_change
        self.error: str | None = "not listening yet"
        self._server: asyncio.Server | None = None
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        # Connections without an answer yet, oldest first, each with the task that serves it.
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._streams = Streams()

    def start(self) -> None:
        """Begin to listen; an address that is in use is tried again until it is free."""
        self._spawn(self._open(), "web")

    def close(self) -> None:
        """Stop listening and drop all clients, at once."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        # A task that has not begun yet does not clean up.
        for writer in self._clients:
            writer.transport.abort()
        self._closed = True

    def facts(self) -> dict[str, object]:
        """Return the server's entry in `health`."""
        return {"listening": self.error is None, "error": self.error}

    # --- opening

    async def _open(self) -> None:
        host, port = self.listen
        while self._server is None:
            try:
                self._server = await asyncio.start_server(self._accept, host, port, limit=LARGEST_HEAD)
            # A name with an empty or too long part is not even looked up: UnicodeError.
            except (OSError, UnicodeError) as error:
                why = error.strerror or error if isinstance(error, OSError) else "no host name"
                self._became(f"{host}:{port}: {why}")
                await asyncio.sleep(TRY_AGAIN)
        self._became(None)

    def _became(self, error: str | None) -> None:
        if error != self.error:
            self.error = error
            if error is None:
                log.info("status page listens", extra={"host": self.listen[0], "port": self.listen[1]})
            else:
                log.error("status page cannot be served", extra={"error": error, "again_in": TRY_AGAIN})
            self.on_change()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- clients

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a new client. If there are too many, the one that has been slow for longest is dropped.

        A health check sends its request at once and is answered at once, so it gets through however many clients are
        slow.
        """
        if self._closed:
            writer.transport.abort()
            return
        if len(self._clients) >= MOST_CLIENTS:
            slowest = min(self._clients, key=_is_local)
            self._clients.pop(slowest).cancel()
            slowest.transport.abort()
        self._clients[writer] = self._spawn(self._handle(reader, writer), "web client")

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await self._serve(talk, reader, writer)
                await writer.drain()
                if answer is None or answer.live is None:
                    writer.close()
                    await writer.wait_closed()
                    return
            # From here on it holds no place among the clients that wait for an answer.
            self._clients.pop(writer, None)
            await self._streams.run(answer.live, reader, writer, lambda data: talk.send(h11.Data(data=data)) or b"")
        # A client that does not read gets no answer.
        except (TimeoutError, OSError):
            pass
        finally:
            self._clients.pop(writer, None)
            writer.transport.abort()

    async def _serve(
        self, talk: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer | None:
        """Answer one request; return the answer as far as it was sent, None if the client left before."""
        request = None
        try:
            request = await _request(talk, reader)
            if request is None:
                return None
            answer = self.answers.to(request.method.decode(), request.target.decode(), _host(request))
        except h11.RemoteProtocolError as error:
            answer = Answer(error.error_status_hint, f"{error}\n".encode())
        bare = request is not None and request.method == b"HEAD"
        if answer.live is not None and (bare or self._streams.full()):
            answer = Answer(200, b"", answer.kind) if bare else TOO_MANY_PAGES
        writer.write(_begun(talk, answer) if answer.live is not None else _response(talk, answer, bare=bare))
        return answer


def _is_local(writer: asyncio.StreamWriter) -> bool:
    """Return whether a client is on this machine; others are dropped first."""
    peer = writer.get_extra_info("peername")
    return isinstance(peer, tuple) and str(peer[0]).removeprefix("::ffff:") in ("127.0.0.1", "::1")


def _begun(talk: h11.Connection, answer: Answer) -> bytes:
    """Return the head of a response whose body goes on until the client leaves."""
    # A reverse proxy would collect events before it passes them on; nginx asks for this header.
    headers = [("Content-Type", answer.kind), ("X-Accel-Buffering", "no"), *HEADERS]
    return talk.send(h11.Response(status_code=answer.status, headers=headers)) or b""


def _response(talk: h11.Connection, answer: Answer, *, bare: bool) -> bytes:
    sizes = (("Content-Type", answer.kind), ("Content-Length", str(len(answer.body))))
    head = h11.Response(status_code=answer.status, headers=[*sizes, *HEADERS, *answer.headers])
    body = h11.Data(data=b"" if bare else answer.body)
    return b"".join(talk.send(event) or b"" for event in (head, body, h11.EndOfMessage()))


async def _request(talk: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """Return the head of the request; None if the client left. A body is not read: nothing here needs one."""
    while (event := talk.next_event()) is h11.NEED_DATA:
        talk.receive_data(await reader.read(LARGEST_HEAD))
    return event if isinstance(event, h11.Request) else None


def _host(request: h11.Request) -> str | None:
    """Return the header Host; None without one. h11 refuses two of them, and accepts none in HTTP/1.0 only."""
    return next((value.decode("latin-1") for name, value in request.headers if name == b"host"), None)
