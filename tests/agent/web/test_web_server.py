"""The status page's server: clients it serves and clients it drops, and that nothing else notices when it fails."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import urllib.request

import pytest
from whole import FILE, whole

import agent.web
from agent import config
from agent.web import server as serving
from agent.web import streams
from agent.web.answers import Answers
from agent.web.live import Live
from agent.web.rings import Rings
from agent.web.server import Server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Nothing:
    """No documents."""

    def health(self) -> dict:
        return {}

    state = info = health


@pytest.fixture
def answers() -> Answers:
    return Answers(Nothing(), lambda: True, "127.0.0.1")


async def talk(port: int, data: bytes) -> bytes:
    """Say something and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


class Served:
    """A server on a free port, for the length of a test."""

    def __init__(self, answers: Answers, port: int | None = None) -> None:
        self.port = port or free_port()
        self.changed = asyncio.Event()
        self.server = Server(("127.0.0.1", self.port), answers, self.changed.set)

    async def __aenter__(self) -> Served:
        self.server.start()
        await self.news()
        return self

    async def news(self) -> None:
        """Wait until the server listens, or cannot."""
        await self.changed.wait()
        self.changed.clear()

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def get(self, path: str = "/healthz", method: str = "GET", host: str = "localhost") -> bytes:
        return await talk(self.port, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


class TestTheServer:
    def test_answers_a_browser(self, answers):
        async def browse() -> None:
            async with Served(answers) as served:
                loop = asyncio.get_running_loop()
                url = f"http://127.0.0.1:{served.port}/"
                response = await loop.run_in_executor(None, urllib.request.urlopen, url)
                with response:
                    assert response.status == 200
                    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
                    assert "Access-Control-Allow-Origin" not in response.headers
                    assert b"<!doctype html>" in response.read()

        asyncio.run(browse())

    def test_answers_head_without_a_body(self, answers):
        async def head() -> None:
            async with Served(answers) as served:
                answer = await served.get("/healthz", "HEAD")
                assert answer.startswith(b"HTTP/1.1 200")
                assert b"Content-Length: 3\r\n" in answer
                assert answer.endswith(b"\r\n\r\n")

        asyncio.run(head())

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"\r\n\r\n\x00\x01nonsense\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 405),
        ],
    )
    def test_refuses_what_it_should(self, answers, data, status):
        async def refused() -> None:
            async with Served(answers) as served:
                assert (await talk(served.port, data))[:12] in (f"HTTP/1.1 {status}".encode(), b"")
                assert (await served.get())[:12] == b"HTTP/1.1 200"

        asyncio.run(refused())

    def test_sends_away_who_says_nothing(self, answers, monkeypatch):
        monkeypatch.setattr(serving, "DEADLINE", 0.05)

        async def silent() -> None:
            async with Served(answers) as served, asyncio.timeout(2.0):
                assert await talk(served.port, b"GET / HT") == b""

        asyncio.run(silent())

    def test_answers_a_health_check_however_many_clients_dawdle(self, answers):
        async def crowd() -> None:
            async with Served(answers) as served:
                slow = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(40)]
                for _, writer in slow:
                    writer.write(b"GET / HT")
                for _ in range(20):
                    async with asyncio.timeout(1.0):
                        assert (await served.get())[:12] == b"HTTP/1.1 200"
                for _, writer in slow:
                    writer.close()

        asyncio.run(crowd())

    def test_takes_the_place_of_the_client_that_was_slow_for_longest(self, answers, monkeypatch):
        monkeypatch.setattr(serving, "MOST_CLIENTS", 2)

        async def crowd() -> None:
            async with Served(answers) as served:
                first, second = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(2)]
                assert b"200" in await served.get()
                assert await first[0].read() == b""
                second[1].write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert b"200" in await second[0].read()
                for _, writer in (first, second):
                    writer.close()

        asyncio.run(crowd())

    def test_keeps_the_places_of_this_machine_longer(self, answers, monkeypatch):
        monkeypatch.setattr(serving, "MOST_CLIENTS", 2)
        seen = []
        monkeypatch.setattr(serving, "_is_local", lambda writer: seen.append(writer) or writer is seen[0])

        async def crowd() -> None:
            async with Served(answers) as served:
                first, second = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(2)]
                assert b"200" in await served.get()
                assert await second[0].read() == b""
                first[1].write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert b"200" in await first[0].read()
                for _, writer in (first, second):
                    writer.close()

        asyncio.run(crowd())

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
            (b"GET http://localhost:8080/healthz?x HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200),
            (b"GET HTTP://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
            (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 403),
            (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
            (b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", 403),
            (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        ],
    )
    def test_answers_old_clients_and_proxies(self, answers, data, status):
        async def asked() -> None:
            async with Served(answers) as served:
                assert (await talk(served.port, data))[:12] == f"HTTP/1.1 {status}".encode()

        asyncio.run(asked())

    def test_tells_that_its_port_is_taken_and_takes_it_when_it_is_free(self, answers, monkeypatch, logged):
        monkeypatch.setattr(serving, "TRY_AGAIN", 0.01)

        async def taken() -> None:
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                other.listen()
                served = Served(answers, other.getsockname()[1])
                served.server.start()
                await served.news()
                assert served.server.facts()["listening"] is False
                assert "in use" in str(served.server.facts()["error"])
            await served.news()
            assert b"200" in await served.get()
            served.server.close()

        asyncio.run(taken())
        assert [record.message for record in logged("limpet.web") if record.levelname == "ERROR"] == [
            "status page cannot be served"
        ]

    def test_tells_that_its_address_is_none(self, answers):
        async def nowhere() -> None:
            served = Served(answers, 80)
            served.server.listen = ("foo..bar", 80)
            served.server.start()
            await served.news()
            assert served.server.facts() == {"listening": False, "error": "foo..bar:80: no host name"}
            served.server.close()

        asyncio.run(nowhere())


EVENTS = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Pages:
    """Open pages on a server whose only part is `n`."""

    def __init__(self, more: str = "") -> None:
        self.n, self.more = 0, more
        self.live = Live(lambda: {"n": self.n, "more": self.more}, Rings())
        self.served = Served(Answers(Nothing(), lambda: True, "127.0.0.1", live=self.live))

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.served.port)
        writer.write(EVENTS)
        return reader, writer

    def count(self) -> None:
        self.n += 1
        self.live.notify()


async def event(reader: asyncio.StreamReader) -> dict:
    """Return the next event."""
    while not (line := await reader.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    return json.loads(line[6:])


class TestAnOpenPage:
    def test_is_sent_each_change_as_an_event(self):
        async def live() -> None:
            pages = Pages()
            async with pages.served, asyncio.timeout(10.0):
                reader, writer = await pages.open()
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                assert await event(reader) == {"n": 0, "more": ""}
                pages.count()
                assert await event(reader) == {"n": 1}
                writer.close()

        asyncio.run(live())

    def test_takes_no_place_from_a_health_check_and_one_too_many_is_sent_away(self):
        async def live() -> None:
            pages = Pages()
            async with pages.served, asyncio.timeout(10.0):
                opened = [await pages.open() for _ in range(streams.MOST)]
                for reader, _ in opened:
                    await event(reader)
                assert b"503" in (await talk(pages.served.port, EVENTS))[:12]
                slow = [await asyncio.open_connection("127.0.0.1", pages.served.port) for _ in range(40)]
                assert b"200" in (await pages.served.get())[:12]
                pages.count()
                for reader, _ in opened:
                    assert await event(reader) == {"n": 1}
                for _, writer in (*opened, *slow):
                    writer.close()

        asyncio.run(live())

    def test_that_was_closed_gives_its_place_back(self):
        async def live() -> None:
            pages = Pages()
            async with pages.served, asyncio.timeout(10.0):
                for _ in range(3 * streams.MOST):
                    reader, writer = await pages.open()
                    assert await event(reader) == {"n": 0, "more": ""}
                    writer.close()
                    await writer.wait_closed()

        asyncio.run(live())

    def test_that_does_not_read_is_dropped_and_costs_one_event_of_memory(self, monkeypatch):
        monkeypatch.setattr(streams, "READ_WITHIN", 0.1)

        async def live() -> None:
            pages = Pages("x" * 20_000_000)
            async with pages.served, asyncio.timeout(10.0):
                _, writer = await pages.open()
                places = pages.served.server._streams._readers
                while not places:  # noqa: ASYNC110
                    await asyncio.sleep(0)
                while places:
                    pages.count()
                    await asyncio.sleep(0)
                writer.close()

        asyncio.run(live())

    @pytest.mark.skipif(streams.TCP_USER_TIMEOUT is None, reason="this system does not limit it")
    def test_that_vanished_without_a_word_is_given_up_by_the_kernel(self):
        async def live() -> None:
            pages = Pages()
            async with pages.served, asyncio.timeout(10.0):
                reader, writer = await pages.open()
                await event(reader)
                (held,) = pages.served.server._streams._readers
                link = held.get_extra_info("socket")
                assert link.getsockopt(socket.IPPROTO_TCP, streams.TCP_USER_TIMEOUT) == 1000 * streams.READ_WITHIN
                writer.close()

        asyncio.run(live())

    def test_is_asked_about_with_head_too(self):
        async def live() -> None:
            pages = Pages()
            async with pages.served, asyncio.timeout(10.0):
                answer = await pages.served.get("/events", "HEAD")
                assert b"text/event-stream" in answer
                assert answer.endswith(b"\r\n\r\n")

        asyncio.run(live())


REQUEST = b"GET /health.json HTTP/1.1\r\nHost: localhost\r\n\r\n"


class TestTheAgent:
    def test_serves_the_page_where_it_is_told_and_leaves_when_told(self, runner):
        async def live() -> None:
            port = free_port()
            async with whole(f'{FILE}[web]\nlisten = "127.0.0.1:{port}"\n') as home:
                health = json.loads((await talk(port, REQUEST)).partition(b"\r\n\r\n")[2])
                assert health["web"] == {"listening": True, "error": None}
                assert set(health["sensors"]) == {"air", "door"}
                await home.reload(FILE)
                with pytest.raises(ConnectionRefusedError):
                    await talk(port, REQUEST)
                assert "web" not in home.agent.status.health()

        runner.run(live())

    def test_ends_although_a_guest_lingers(self, runner):
        async def live() -> None:
            port = free_port()
            async with whole(f'{FILE}[web]\nlisten = "127.0.0.1:{port}"\n') as home:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET")
                await home.settle(0.1)
            assert await reader.read() == b""
            writer.close()

        runner.run(live())

    def test_goes_on_and_says_so_when_the_port_is_taken(self, runner):
        async def live() -> None:
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                other.listen()
                text = f'{FILE}[web]\nlisten = "127.0.0.1:{other.getsockname()[1]}"\n'
                async with whole(text) as home:
                    assert home.agent.recorder.seq == 1
                    assert json.loads(home.last("limpet/pi/health"))["web"]["listening"] is False

        runner.run(live())

    def test_imports_nothing_of_it_unless_told(self):
        code = "import sys, agent.service.agent, agent.cli.run; print({'h11', 'agent.web.server'} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"


class TestAMissingExtra:
    def test_costs_the_page_and_not_the_readings(self, runner, monkeypatch, caplog):
        monkeypatch.setattr(agent.web, "find_spec", lambda name: None)

        async def live():
            async with whole(f'{FILE}[web]\nlisten = "127.0.0.1:8080"\n') as home:
                assert home.agent.recorder.seq == 1
                assert "pip install h11" in json.loads(home.last("limpet/pi/health"))["web"]["error"]

        runner.run(live())
        assert "status page needs a package" in caplog.text

    def test_is_a_warning_for_who_only_checks(self, monkeypatch):
        monkeypatch.setattr("agent.config.checks.find_spec", lambda name: None)
        settings, found = config.parse('[web]\nlisten = "127.0.0.1:8080"\n[[sensor]]\nid = "air"\ndriver = "sht4x"\n')
        assert settings is not None
        assert [(one.key, one.is_warning) for one in found] == [("listen", True)]
