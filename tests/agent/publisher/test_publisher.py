"""The publisher against a broker in virtual time: what leaves, in which order, and what each fault costs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter

import pytest

from agent.broker import TAKEN_OVER, TOO_LARGE, BrokerLost, BrokerRefused, Facts, TlsProblem, packet_size
from agent.clock import rfc3339
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.publisher import Publisher, Settings
from agent.resilience import CircuitState
from agent.simulation.broker import SimBroker

TOPICS = Topics("limpet", "pi")
EPOCH = 1_800_000_000.0


class Wall:
    """The agent's clock on virtual time."""

    kernel_boot = "this-boot"

    def __init__(self, now) -> None:
        self.now, self.honest = now, True

    def synced(self) -> bool:
        return self.honest

    def stamp(self, taken: float) -> str:
        return rfc3339(taken + (EPOCH if self.honest else 0.0))


class Rig:
    """A publisher, its outbox, its broker, and batches to feed it with."""

    def __init__(self, now, **settings) -> None:
        self.clock, self.broker = Wall(now), SimBroker()
        self.outbox = Outbox("boot", now, kernel_boot=self.clock.kernel_boot)
        self.changes: list[bool] = []
        self.publisher = Publisher(
            self.broker.link,
            self.outbox,
            TOPICS,
            self.clock,
            Settings(**settings),
            rng=random.Random(7),
            on_change=lambda: self.changes.append(self.publisher.state.connected),
        )
        self.publisher.retain(TOPICS.state, b'{"state":1}')
        self.seq = itertools.count(1)

    def put(self, count: int = 1, *, pad: int = 0) -> None:
        for _ in range(count):
            seq, taken = next(self.seq), self.clock.now()
            document = {
                "bootId": "boot",
                "seq": seq,
                "timestamp": self.clock.stamp(taken),
                "clock": "synced" if self.clock.honest else "unsynced",
                "faults": [],
                "pad": "x" * pad,
            }
            self.outbox.put(Item("boot", seq, taken, self.clock.kernel_boot, payloads.encode(document)))

    async def sample(self, count: int, every: float = 1.0) -> None:
        for _ in range(count):
            self.put()
            await asyncio.sleep(every)

    @contextlib.asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.publisher.run())
            yield self
            await self.publisher.close(1.0)
            await task

    def run(self, runner, story):
        async def told():
            async with self.running():
                await story()

        return runner.run(told())


@pytest.fixture
def rig(runner):
    return Rig(runner.clock)


@pytest.fixture
def fast(runner):
    return Rig(runner.clock, backfill_rate=0)


class TestOnAGoodDay:
    def test_the_state_comes_before_online_and_then_info_and_health(self, runner, rig):
        async def story():
            for topic in (TOPICS.health, "homeassistant/device/limpet_pi/config", TOPICS.info):
                rig.publisher.retain(topic, b"{}")
            await asyncio.sleep(1)

        rig.run(runner, story)
        names = [one.name for one in rig.broker.received]
        assert names == ["state", "status", "info", "health", "config", "status"]
        assert all(one.retain for one in rig.broker.received)

    def test_each_batch_goes_out_once_and_at_once(self, runner, rig):
        rig.run(runner, lambda: rig.sample(60))
        assert rig.broker.batches() == [("batch", seq) for seq in range(1, 61)]
        received = [one for one in rig.broker.received if one.name == "batch"]
        assert max(one.at % 1 for one in received[1:]) < 0.05
        assert rig.outbox.waiting == 0

    def test_of_several_retained_documents_the_newest_is_sent(self, runner, rig):
        async def story():
            await asyncio.sleep(1)
            for number in range(50):
                rig.publisher.retain(TOPICS.health, b"%d" % number)
            await asyncio.sleep(1)

        rig.run(runner, story)
        sent = [one.payload for one in rig.broker.received if one.name == "health"]
        assert sent[-1] == b"49"
        assert len(sent) <= 2

    def test_the_end_sends_what_is_fresh_then_offline_then_says_goodbye(self, runner, rig):
        async def story():
            await asyncio.sleep(1)
            rig.put(40)

        rig.run(runner, story)
        assert rig.broker.seqs("batch") == list(range(1, 41))
        assert rig.broker.retained[TOPICS.status] == b"offline"
        assert rig.broker.received[-1].payload == b"offline"
        assert rig.broker.farewells == 1

    def test_commands_are_subscribed_to_on_each_connection(self, runner, rig):
        heard = []
        rig.publisher.subscribe("limpet/pi/request/read", heard.append)

        async def story():
            for _ in range(3):
                await asyncio.sleep(20)
                rig.broker.send("limpet/pi/request/read", b"{}")
                rig.publisher.answer("limpet/pi/response/read", b"{}")
                await asyncio.sleep(1)
                rig.broker.cut()

        rig.run(runner, story)
        assert len(heard) == 3
        assert sum(one.topic == "limpet/pi/response/read" for one in rig.broker.received) == 3


class TestAfterAnOutage:
    def test_what_could_not_be_sent_goes_to_backfill_oldest_first_and_says_so(self, runner, rig):
        rig.broker.refuses = BrokerLost("nobody listens there")

        async def story():
            await rig.sample(120)
            rig.broker.refuses = None
            await rig.sample(120)

        rig.run(runner, story)
        history = rig.broker.seqs("backfill")
        assert history == sorted(history)
        assert sorted(rig.broker.seqs()) == list(range(1, 241))
        assert all(one.document["historical"] for one in rig.broker.received if one.name == "backfill")
        assert not any("historical" in one.document for one in rig.broker.received if one.name == "batch")

    def test_live_batches_leave_at_once_while_history_waits(self, runner, rig):
        rig.broker.refuses = BrokerLost("nobody listens there")

        async def story():
            rig.put(2000)
            await asyncio.sleep(30)
            rig.broker.refuses = None
            await _until(lambda: rig.publisher.breaker.state is CircuitState.CLOSED)
            began = runner.clock()
            await rig.sample(30)
            lives = [one for one in rig.broker.received if one.name == "batch" and one.at > began]
            assert len(lives) == 30
            assert max(EPOCH + one.at - _taken(one) for one in lives) < 0.1
            assert rig.outbox.waiting > 1000

        rig.run(runner, story)

    def test_history_keeps_to_its_rate_within_a_tenth(self, runner, rig):
        rig.broker.refuses = BrokerLost("nobody listens there")

        async def story():
            rig.put(1000)
            await asyncio.sleep(10)
            rig.broker.refuses = None
            await rig.outbox.drained()

        rig.run(runner, story)
        moments = [one.at for one in rig.broker.received if one.name == "backfill"][2:]
        assert 1000 / (moments[-1] - moments[0]) == pytest.approx(20, rel=0.02)
        pauses = [b - a for a, b in itertools.pairwise(moments)]
        assert 0.044 < min(pauses) < max(pauses) < 0.056

    def test_a_probe_is_one_connect_and_one_acknowledged_batch(self, runner, fast):
        fast.broker.refuses = BrokerLost("nobody listens there")

        async def story():
            fast.put(100)
            await asyncio.sleep(20)
            assert fast.publisher.breaker.state is CircuitState.OPEN
            fast.broker.refuses, fast.broker.silent = None, True
            await _until(lambda: fast.broker.session is not None)
            await asyncio.sleep(2)
            assert fast.publisher.breaker.state is CircuitState.HALF_OPEN
            assert fast.broker.most_in_flight == 1
            await asyncio.sleep(10)
            assert fast.publisher.breaker.state is CircuitState.OPEN
            fast.broker.silent = False
            await fast.outbox.drained()

        fast.run(runner, story)
        assert sorted(fast.broker.seqs()) == list(range(1, 101))

    @pytest.mark.parametrize("most", [1, 2])
    def test_live_goes_first_however_narrow_the_window(self, runner, fast, most):
        fast.broker.facts, fast.broker.latency = Facts(receive_maximum=most), 0.1
        fast.broker.refuses = BrokerLost("nobody listens there")

        async def story():
            fast.put(500)
            await asyncio.sleep(10)
            fast.broker.refuses = None
            await _until(lambda: fast.publisher.breaker.state is CircuitState.CLOSED)
            await asyncio.sleep(2)
            await fast.sample(20)

        fast.run(runner, story)
        lives = [one for one in fast.broker.received if one.name == "batch" and one.document["seq"] > 500]
        assert len(lives) == 20
        assert max(EPOCH + one.at - _taken(one) for one in lives) < 0.35

    def test_a_probe_has_one_message_under_way_even_when_documents_are_acknowledged(self, runner, fast):
        fast.broker.refuses = BrokerLost("nobody listens there")

        async def story():
            fast.put(100)
            for number in range(20):
                fast.publisher.retain(f"limpet/pi/r{number}", b"{}")
            await asyncio.sleep(20)
            fast.broker.refuses = None
            fast.broker.code = lambda topic, payload: 0x97 if topic == TOPICS.backfill else 0
            await _until(lambda: len(fast.broker.received) >= 22)
            assert fast.broker.most_in_flight == 1

        fast.run(runner, story)

    def test_time_that_was_not_known_is_put_right_before_it_leaves(self, runner, rig):
        rig.clock.honest = False
        rig.broker.refuses = BrokerLost("nobody listens there")

        async def story():
            rig.put()
            await asyncio.sleep(20)
            rig.clock.honest, rig.broker.refuses = True, None
            await rig.outbox.drained()

        rig.run(runner, story)
        (batch,) = [one.document for one in rig.broker.received if one.name == "backfill"]
        assert (batch["clock"], batch["timestamp"]) == ("corrected", rfc3339(EPOCH))

    def test_time_of_another_boot_of_the_machine_is_left_alone(self, runner, rig):
        body = payloads.encode({"seq": 9, "timestamp": "1970-01-01T00:00:05.000Z", "clock": "unsynced", "faults": []})
        rig.outbox.put(Item("older", 9, 5.0, "another-boot", body))
        rig.run(runner, rig.outbox.drained)
        (batch,) = [one.document for one in rig.broker.received if one.name == "backfill"]
        assert batch["clock"] == "unsynced"


async def _until(holds) -> None:
    while not holds():  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.1)


def _taken(one) -> float:
    from datetime import datetime

    return datetime.fromisoformat(one.document["timestamp"]).timestamp()


class TestFaults:
    def test_a_refused_connection_is_tried_with_jitter_until_the_breaker_opens(self, runner, rig):
        rig.broker.refuses = BrokerLost("nobody listens there")
        rig.run(runner, lambda: asyncio.sleep(3600))
        pauses = [b - a for a, b in itertools.pairwise(rig.broker.connects)]
        assert all(60 <= pause <= 92 for pause in pauses[8:])
        assert len(set(pauses)) == len(pauses)

    def test_recovery_is_tried_within_the_longest_reset_timeout(self, runner):
        rig = Rig(runner.clock, reset_timeout=1.0, max_reset_timeout=2.0)
        rig.broker.refuses = BrokerLost("nobody listens there")
        rig.run(runner, lambda: asyncio.sleep(300))
        pauses = [b - a for a, b in itertools.pairwise(rig.broker.connects)]
        assert max(pauses) <= 3.05  # with the breaker's jitter of a half

    def test_a_refusal_that_needs_a_person_stays_rare_however_short_the_reset_timeout(self, runner):
        rig = Rig(runner.clock, reset_timeout=1.0, max_reset_timeout=2.0)
        rig.broker.refuses = BrokerRefused("bad user name or password", permanent=True, code=0x86)
        rig.run(runner, lambda: asyncio.sleep(4 * 3600))
        assert len([at for at in rig.broker.connects if at > 3600]) < 3 * 3600 / 75

    def test_half_open_is_noticed_by_the_missing_acknowledgement(self, runner, rig):
        async def story():
            await rig.sample(10)
            rig.broker.silent = True
            rig.put()
            await asyncio.sleep(5.1)
            assert not rig.publisher.state.connected
            assert "acknowledged nothing" in rig.publisher.state.error
            rig.broker.silent = False
            await rig.outbox.drained()

        rig.run(runner, story)
        assert sorted(set(rig.broker.seqs())) == list(range(1, 12))

    def test_a_broker_without_connack_does_not_keep_the_end_waiting(self, runner, rig):
        rig.broker.hangs = True

        async def story():
            await asyncio.sleep(2)

        rig.run(runner, story)
        assert runner.clock() < 4

    def test_a_slow_link_gets_through_without_a_spiral_of_timeouts(self, runner, rig):
        rig.broker.bytes_per_second, rig.broker.latency = 100.0, 0.5

        async def story():
            rig.put(20, pad=800)
            await asyncio.wait_for(rig.outbox.drained(), 600)

        rig.run(runner, story)
        assert len(rig.broker.connects) <= 6
        assert Counter(rig.broker.seqs()).keys() == set(range(1, 21))

    def test_a_flapping_link_causes_no_storm_and_no_loss(self, runner, rig):
        async def story():
            sampling = asyncio.create_task(rig.sample(1800))
            for _ in range(360):
                rig.broker.refuses = None
                await asyncio.sleep(3)
                rig.broker.refuses = BrokerLost("no route")
                rig.broker.cut()
                await asyncio.sleep(2)
            await sampling
            rig.broker.refuses = None
            await asyncio.wait_for(rig.outbox.drained(), 1200)

        rig.run(runner, story)
        assert set(rig.broker.seqs()) == set(range(1, 1801))
        assert _most_in_a_minute(rig.broker.connects) <= 15

    def test_a_wrong_password_is_tried_rarely_and_told(self, runner, rig):
        rig.broker.refuses = BrokerRefused("bad user name or password (reason 0x86)", permanent=True, code=0x86)

        async def story():
            await asyncio.sleep(4 * 3600)
            assert "password" in rig.publisher.state.error

        rig.run(runner, story)
        assert len([at for at in rig.broker.connects if at > 3600]) < 3 * 3600 / 75

    def test_a_topic_that_is_not_allowed_loses_nothing_and_the_rest_flows(self, runner, rig):
        rig.broker.code = lambda topic, payload: 0x87 if topic == TOPICS.batch else 0

        async def story():
            await rig.sample(10)
            await rig.outbox.drained()

        rig.run(runner, story)
        assert rig.broker.seqs("backfill") == list(range(1, 11))
        assert not [one for one in rig.broker.received if one.name == "gap"]
        assert rig.publisher.breaker.state is CircuitState.CLOSED
        assert len(rig.broker.connects) == 1

    def test_a_broker_that_is_full_is_given_time_and_loses_nothing(self, runner, rig):
        refused = []

        def full(topic, payload):
            if not topic.endswith(("batch", "backfill")):
                return 0
            refused.append(topic)
            return 0x97

        rig.broker.code = full

        async def story():
            rig.put(50)
            await asyncio.sleep(300)
            assert len(refused) < 100
            rig.broker.code = lambda topic, payload: 0
            await rig.outbox.drained()

        rig.run(runner, story)
        assert rig.broker.seqs("backfill") == list(range(1, 51))
        assert len(rig.broker.connects) == 1

    @pytest.mark.parametrize("most", [1, 2, 10])
    def test_receive_maximum_is_obeyed_by_everything_together(self, runner, fast, most):
        fast.broker.facts = Facts(receive_maximum=most)

        async def story():
            fast.put(200)
            for number in range(20):
                fast.publisher.retain(f"limpet/pi/r{number}", b"{}")
            await fast.outbox.drained()

        fast.run(runner, story)
        assert fast.broker.most_in_flight == most
        assert set(fast.broker.seqs()) == set(range(1, 201))

    def test_a_batch_larger_than_the_brokers_limit_is_declared_and_holds_nobody_up(self, runner, rig):
        rig.broker.facts = Facts(maximum_packet_size=400)

        async def story():
            await asyncio.sleep(1)
            rig.put(3)
            rig.put(1, pad=400)
            rig.put(3)
            await rig.outbox.drained()
            await asyncio.sleep(1)

        rig.run(runner, story)
        assert rig.broker.seqs() == [1, 2, 3, 5, 6, 7]
        (gap,) = [one.document for one in rig.broker.received if one.name == "gap"]
        assert (gap["bootId"], gap["from"], gap["to"], gap["reason"]) == ("boot", 4, 4, "too_large")

    def test_a_batch_that_ends_every_connection_is_set_aside(self, runner, rig):
        def poisoned(topic, payload):
            if len(payload) > 3000:
                rig.broker.cut()
            return 0

        rig.broker.code = poisoned

        async def story():
            rig.put(3)
            await asyncio.sleep(10)
            rig.put(1, pad=4000)
            rig.put(3)
            await asyncio.wait_for(rig.outbox.drained(), 600)
            await asyncio.sleep(10)

        rig.run(runner, story)
        assert set(rig.broker.seqs()) >= {1, 2, 3, 5, 6, 7}
        assert [one.document["reason"] for one in rig.broker.received if one.name == "gap"] == ["too_large"]

    def test_what_is_no_batch_obeys_the_brokers_limit_too(self, runner, rig, logged):
        rig.broker.facts = Facts(maximum_packet_size=100)
        rig.publisher.retain(TOPICS.info, b"x" * 200)

        async def story():
            for _ in range(30):
                rig.put(pad=200)
                rig.publisher.answer("limpet/pi/response/read", b"x" * 200)
                rig.publisher.retain(TOPICS.health, b"x" * 200)
                await asyncio.sleep(100)
            assert rig.outbox.next_gap() is not None

        rig.run(runner, story)
        assert {one.name for one in rig.broker.received} == {"state", "status"}
        assert all(packet_size(one.topic, len(one.payload), "5") <= 100 for one in rig.broker.received)
        told = [one.what for one in logged("agent.publisher") if one.message == "broker refuses a message"]
        assert sorted(told) == sorted([TOPICS.gap, TOPICS.info, TOPICS.health, "limpet/pi/response/read"])
        assert len(rig.broker.connects) == 1

    def test_sessions_that_end_by_a_packets_size_do_not_look_like_a_twin(self, runner, rig):
        def strict(topic, payload):
            if len(payload) > 100:
                rig.broker.cut(BrokerLost("a packet was too large for the broker", code=TOO_LARGE))
            return 0

        rig.broker.code = strict
        rig.run(runner, lambda: rig.sample(300))
        assert len(rig.broker.sessions) > 10
        assert not rig.publisher.state.duplicate

    def test_a_lost_acknowledgement_costs_one_reconnect_and_a_duplicate(self, runner, rig):
        rig.broker.forgets = {10}

        async def story():
            await rig.sample(30)
            await rig.outbox.drained()

        rig.run(runner, story)
        assert len(rig.broker.connects) == 2
        assert set(rig.broker.seqs()) == set(range(1, 31))
        twice = [name for name, seq in rig.broker.batches() if rig.broker.seqs().count(seq) == 2]
        assert sorted(twice) == ["backfill", "batch"]

    def test_a_twin_with_our_client_id_is_told_and_given_way(self, runner, rig):
        async def story():
            twin = asyncio.create_task(_taking_over(rig.broker))
            await asyncio.sleep(1800)
            assert rig.publisher.state.duplicate
            twin.cancel()
            await asyncio.sleep(600)
            assert rig.publisher.state.connected

        rig.run(runner, story)
        assert len(rig.broker.connects) < 25

    def test_a_certificate_that_is_not_yet_valid_is_waited_for(self, runner, rig):
        rig.broker.refuses = TlsProblem("not yet valid; is the clock right?", "not_yet_valid", permanent=False)

        async def story():
            await asyncio.sleep(600)
            rig.broker.refuses = None
            await asyncio.sleep(95)
            assert rig.publisher.state.connected

        rig.run(runner, story)

    def test_nobody_subscribed_is_counted_and_with_require_subscriber_kept(self, runner):
        rig = Rig(runner.clock, require_subscriber=True)
        rig.broker.code = lambda topic, payload: 0x10 if topic.endswith(("batch", "backfill")) else 0

        async def story():
            rig.put(5)
            await asyncio.sleep(600)
            assert rig.outbox.waiting == 5
            assert len(rig.broker.seqs()) < 5 + 5 * 20
            rig.broker.code = lambda topic, payload: 0
            await rig.outbox.drained()

        rig.run(runner, story)
        assert rig.broker.seqs("backfill")[-5:] == [1, 2, 3, 4, 5]
        assert rig.outbox.stats().unheard >= 5

    def test_other_paces_count_at_once_without_a_reconnect(self, runner):
        rig = Rig(runner.clock, backfill_rate=0.01, require_subscriber=True)
        rig.broker.code = lambda topic, payload: 0x10 if topic.endswith(("batch", "backfill")) else 0

        async def story():
            rig.put(20)
            await asyncio.sleep(50)
            assert rig.outbox.waiting == 20
            rig.publisher.adjust(backfill_rate=10.0, require_subscriber=False)
            await asyncio.sleep(3)
            assert rig.outbox.waiting == 0
            rig.publisher.adjust(backfill_rate=10.0, require_subscriber=True)
            rig.put(1)
            await asyncio.sleep(3)
            assert rig.outbox.waiting == 1

        rig.run(runner, story)
        assert len(rig.broker.connects) == 1

    def test_the_first_fall_is_told_however_late_the_broker_came(self, runner, rig, caplog, logged):
        rig.broker.refuses = BrokerLost("nobody listens there")
        caplog.set_level("INFO")

        async def story():
            await asyncio.sleep(2)
            rig.broker.refuses = None
            await _until(lambda: rig.publisher.state.connected)
            await asyncio.sleep(20)
            rig.broker.cut()
            await asyncio.sleep(60)

        rig.run(runner, story)
        told = [one.message for one in logged("agent.publisher")]
        assert told == ["broker away", "broker connected", "broker lost", "broker connected"]

    def test_a_fall_that_lasts_is_told_even_soon_after_another(self, runner, rig, caplog, logged):
        caplog.set_level("INFO")

        async def story():
            for lasts in (5, 70, 1):
                await asyncio.sleep(20)
                rig.broker.refuses = BrokerLost("nobody listens there")
                rig.broker.cut()
                await asyncio.sleep(lasts)
                rig.broker.refuses = None
                await _until(lambda: rig.publisher.state.connected)

        rig.run(runner, story)
        told = [one.message for one in logged("agent.publisher")]
        assert told[:3] == ["broker connected", "broker lost", "broker connected"]
        assert told[3:] in (["broker lost", "broker connected"], ["broker connected"])
        assert logged("agent.publisher")[-1].after >= 70

    def test_an_hour_of_outage_is_a_handful_of_log_lines(self, runner, rig, caplog, logged):
        rig.broker.refuses = BrokerLost("nobody listens there")
        caplog.set_level("INFO")
        rig.run(runner, lambda: asyncio.sleep(3600))
        assert 2 <= len(logged("agent.publisher")) <= 8

    def test_an_hour_of_flapping_is_less_than_a_line_a_minute(self, runner, rig, caplog, logged):
        caplog.set_level("INFO")

        async def story():
            for _ in range(360):
                await asyncio.sleep(10)
                rig.broker.cut()

        rig.run(runner, story)
        assert len(logged("agent.publisher")) <= 60


async def _taking_over(broker: SimBroker) -> None:
    while True:
        await asyncio.sleep(2)
        broker.cut(BrokerLost("another client with the same client id has taken over", code=TAKEN_OVER))


def _most_in_a_minute(moments: list[float]) -> int:
    return max(sum(start <= at < start + 60 for at in moments) for start in moments)


class TestWhateverHappens:
    @pytest.mark.parametrize("seed", range(16))
    def test_every_batch_is_delivered_in_order_or_declared(self, runner, seed):
        """A random schedule of all faults, then peace: nothing is missing, first deliveries ascend, no storm."""
        rig, rng = Rig(runner.clock, backfill_rate=50), random.Random(seed)
        broker, kinds = rig.broker, ["cut", "refuse", "hang", "silent", "slow"]
        if seed % 4 == 0:
            kinds.append("full")  # which takes some of those that are under way together

        async def story():
            sampling = asyncio.create_task(rig.sample(900))
            while not sampling.done():
                await asyncio.sleep(rng.uniform(0.1, 40))
                await _misfortune(broker, rng, kinds)
            broker.refuses, broker.hangs, broker.silent = None, False, False
            await asyncio.wait_for(rig.outbox.drained(), 900)
            await asyncio.sleep(95)

        rig.run(runner, story)
        declared = {
            seq
            for one in broker.received
            if one.name == "gap"
            for seq in range(one.document["from"], one.document["to"] + 1)
        }
        assert set(broker.seqs()) | declared == set(range(1, 901))
        for name in ("batch", "backfill") if "full" not in kinds else ():
            first = list(dict.fromkeys(broker.seqs(name)))
            assert first == sorted(first), name
        assert _most_in_a_minute(broker.connects) <= 15
        assert rig.publisher.breaker.state is CircuitState.CLOSED


async def _misfortune(broker: SimBroker, rng: random.Random, kinds: list[str]) -> None:
    lasts = rng.uniform(0.1, 30)
    kind = rng.choice(kinds)
    if kind == "cut":
        broker.cut()
    elif kind == "refuse":
        broker.refuses = BrokerLost("refused")
        broker.cut()
    elif kind == "hang":
        broker.hangs = True
        broker.cut()
    elif kind == "silent":
        broker.silent = True
    elif kind == "slow":
        broker.latency = rng.uniform(0.1, 3.0)
    else:
        broker.code = lambda topic, payload: 0x97 if rng.random() < 0.5 else 0
    await asyncio.sleep(lasts)
    broker.refuses, broker.hangs, broker.silent, broker.latency = None, False, False, 0.01
    broker.code = lambda topic, payload: 0
