"""Several hosts, and names with several addresses: each is tried in turn, and the one that worked comes first."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import time

import pytest
from loopback import World, connected, run

from agent.broker import Address, BrokerLost, BrokerRefused, BrokerTimeout, dial
from agent.broker import link as link_module
from agent.broker import route as route_module
from agent.broker.link import PahoLink
from agent.broker.route import Route

SHARE = 0.1


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """The same rules with shorter times."""
    monkeypatch.setattr(route_module, "SHARE", SHARE)


@pytest.fixture
def world(monkeypatch):
    try:
        socket.create_server(("127.0.0.2", 0)).close()
    except OSError:
        pytest.skip("this machine has one loopback address")
    return World(monkeypatch)


class TestSeveralHosts:
    def test_dead_ones_before_a_living_one_cost_their_share_once(self, world):
        async def story():
            async with world.brokers_at("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4") as (*dead, living):
                for broker in dead:
                    broker.connack = None
                where, route = world.address("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"), Route()
                for _ in range(3):
                    began = time.monotonic()
                    await connected(where, route)
                assert time.monotonic() - began < SHARE
                assert world.connects() == [1, 1, 1, 3]
                assert not living.violations

        run(story)

    def test_one_that_refuses_the_login_leaves_it_to_the_next(self, world):
        async def story():
            async with world.brokers_at("127.0.0.1", "127.0.0.2") as (strict, _):
                strict.connack = 0x87
                await connected(world.address("127.0.0.1", "127.0.0.2"), Route())
                assert world.connects() == [1, 1]

        run(story)

    def test_one_whose_name_is_unknown_leaves_it_to_the_next(self, world):
        async def story():
            world.names["gone.local"] = None
            async with world.brokers_at("127.0.0.1"):
                await connected(world.address("gone.local", "127.0.0.1"), Route())

        run(story)

    def test_one_that_speaks_another_protocol_leaves_it_to_the_next(self, world):
        async def story():
            async def talk(_reader, writer):
                writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
                writer.close()

            async with world.brokers_at("127.0.0.1"):
                server = await asyncio.start_server(talk, "127.0.0.2", world.port)
                await connected(world.address("127.0.0.2", "127.0.0.1"), Route())
                server.close()

        run(story)

    def test_the_one_that_worked_dies_and_the_others_take_over(self, world):
        async def story():
            async with world.brokers_at("127.0.0.1", "127.0.0.2") as (first, _):
                where, route = world.address("127.0.0.1", "127.0.0.2"), Route()
                await connected(where, route)
                first.connack = None
                await connected(where, route)
                await connected(where, route)
                assert world.connects() == [2, 2]

        run(story)

    def test_all_in_vain_is_one_error_that_names_them_all(self, world):
        async def story():
            async with world.brokers_at("127.0.0.1", "127.0.0.2") as (strict, silent):
                strict.connack, silent.connack = 0x86, None
                with pytest.raises(BrokerRefused) as caught:
                    await connected(world.address("127.0.0.2", "127.0.0.1", "127.0.0.3"), Route())
            assert (caught.value.code, caught.value.permanent) == (0x86, False)
            for words in ("127.0.0.2", "no CONNACK", "bad user name", "127.0.0.3", "nothing listens"):
                assert words in str(caught.value)

        run(story)

    def test_a_try_that_failed_everywhere_is_followed_by_a_more_patient_one(self, world, monkeypatch):
        monkeypatch.setattr(link_module, "CONNACK", 0.2)

        async def story():
            async with world.brokers_at("127.0.0.1", "127.0.0.2") as (slow, dead):
                dead.connack, slow.connack = None, None
                where, route = world.address("127.0.0.1", "127.0.0.2"), Route()
                for _ in range(2):
                    with pytest.raises(BrokerTimeout):
                        await connected(where, route)
                assert route.seconds(10.0, others=True) == pytest.approx(4 * SHARE)
                slow.connack = 0
                await connected(where, route)
                assert route.seconds(10.0, others=True) == pytest.approx(SHARE)

        run(story)


class TestANameWithSeveralAddresses:
    def test_is_tried_address_by_address(self, world):
        async def story():
            world.names["broker.local"] = ["127.0.0.4", "127.0.0.3", "127.0.0.2", "127.0.0.1"]
            async with world.brokers_at("127.0.0.1"):
                route = Route()
                await connected(world.address("broker.local"), route)
                await connected(world.address("broker.local"), route)

        run(story)

    def test_may_have_a_dead_one_of_ipv6_first(self, world):
        async def story():
            world.names["broker.local"] = ["::1", "2001:db8::1", "127.0.0.1"]
            async with world.brokers_at("127.0.0.1"):
                await connected(world.address("broker.local"), Route())

        run(story)

    def test_names_the_address_in_its_errors(self, world):
        async def story():
            world.names["broker.local"] = ["127.0.0.2", "127.0.0.3"]
            async with world.brokers_at("127.0.0.1"):
                with pytest.raises(BrokerLost, match=r"broker\.local:\d+ \(127\.0\.0\.3\): nothing listens"):
                    await connected(world.address("broker.local"), Route())

        run(story)

    def test_is_found_without_a_name_server_where_it_was_before(self, world):
        async def story():
            world.names["broker.local"] = ["127.0.0.2", "127.0.0.1"]
            async with world.brokers_at("127.0.0.1"):
                route = Route()
                await connected(world.address("broker.local"), route)
                world.names["broker.local"] = None
                await connected(world.address("broker.local"), route)
                assert world.connects() == [2]

        run(story)

    def test_is_found_where_it_was_before_while_the_name_server_hangs(self, world, monkeypatch):
        release = threading.Event()

        async def story():
            world.names["broker.local"] = ["127.0.0.1"]
            async with world.brokers_at("127.0.0.1"):
                route = Route()
                await connected(world.address("broker.local"), route)
                monkeypatch.setattr(dial.socket, "getaddrinfo", lambda *_, **__: release.wait(5) and [])
                began = time.monotonic()
                await connected(world.address("broker.local"), route)
                assert time.monotonic() - began < 5 * SHARE

        try:
            run(story)
        finally:
            release.set()

    @pytest.mark.skipif(sys.platform != "linux", reason="a full backlog swallows connects on Linux alone")
    def test_may_have_one_that_swallows_every_packet(self, world):
        async def story():
            world.names["broker.local"] = ["127.0.0.2", "127.0.0.1"]
            async with world.brokers_at("127.0.0.1"):
                with contextlib.ExitStack() as stack:
                    swallowing = stack.enter_context(socket.socket())
                    swallowing.bind(("127.0.0.2", world.port))
                    swallowing.listen(0)
                    for _ in range(4):
                        filling = stack.enter_context(socket.socket())
                        filling.setblocking(False)
                        filling.connect_ex(("127.0.0.2", world.port))
                    began = time.monotonic()
                    await connected(world.address("broker.local"), Route())
                    assert SHARE / 2 < time.monotonic() - began < 5 * SHARE

        run(story)

    def test_without_any_is_an_error(self, world):
        async def story():
            world.names["broker.local"] = []
            with pytest.raises(BrokerLost, match="no address"):
                await connected(Address("broker.local", 1883, "x"), Route())

        run(story)

    def test_that_moved_is_followed(self, world):
        async def story():
            world.names["broker.local"] = ["127.0.0.1"]
            async with world.brokers_at("127.0.0.1", "127.0.0.2"):
                route = Route()
                await connected(world.address("broker.local"), route)
                world.names["broker.local"] = ["127.0.0.2"]
                await connected(world.address("broker.local"), route)
                assert world.connects() == [1, 1]

        run(story)


class TestWhatIsLeftBehind:
    def test_an_attempt_that_failed_leaves_no_connection_open(self, world):
        async def story():
            async with world.brokers_at("127.0.0.1", "127.0.0.2") as (silent, _):
                silent.connack = None
                link = PahoLink(world.address("127.0.0.1", "127.0.0.2"), Route())
                await link.connect()
                await silent.until(lambda: all(writer.is_closing() for writer in silent._open))
                link.abort()

        run(story)

    def test_a_socket_that_opens_too_late_is_closed(self, world, monkeypatch):
        opening, release = dial.open_socket, threading.Event()

        class Late:
            """The socket, and when it is closed."""

            def __init__(self, opened) -> None:
                self.opened, self.closed = opened, asyncio.Event()

            def close(self) -> None:
                self.opened.close()
                self.closed.set()

        made = []

        def slow(*args):
            made.append(Late(opening(*args)))
            release.wait(5)
            return made[0]

        monkeypatch.setattr(link_module, "open_socket", slow)
        monkeypatch.setattr(link_module, "CONNECT", 0.05)

        async def story():
            async with world.brokers_at("127.0.0.1"):
                with pytest.raises(BrokerTimeout):
                    await connected(world.address("127.0.0.1"), Route())
                release.set()
                await asyncio.wait_for(made[0].closed.wait(), 3)

        run(story)
