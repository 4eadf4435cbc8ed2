"""Deadbands: what hardly moves is named and not sent, and no subscriber can take thrift for absence."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from stories import AIR, batches, fault, feel, reading, state, tell, until

from agent.acquisition.deadband import Deadband, Deadbands
from agent.broker import BrokerTimeout
from agent.model import Batch, Reading

BAND = AIR + 'deadband = { temperature = 0.5, humidity = 2 }\nheartbeat = "1h"\n'


def unchanged(found) -> list[list[str]]:
    return [one.get("unchanged", []) for one in found]


class TestAReadingThatHasHardlyMoved:
    def test_is_named_in_a_batch_that_has_its_number_all_the_same(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(35)
            return batches(home)

        found = tell(runner, BAND, story)
        assert [one["seq"] for one in found] == [1, 2, 3, 4]
        assert unchanged(found)[-2:] == [["air.humidity", "air.temperature"]] * 2
        assert (found[-1]["readings"], found[-1]["unavailableSensors"], found[-1]["degraded"]) == ([], [], False)

    def test_is_shown_in_the_state_as_it_is(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0)
            await until(15)
            feel(home, "air", temperature=20.3)
            await until(25)
            return batches(home)[-1], state(home)

        last, present = tell(runner, BAND, story)
        assert "air.temperature" in last["unchanged"]
        assert 20.2 < present["temperature"] < 20.4

    def test_is_compared_with_what_was_sent_and_not_with_what_was_measured_last(self, runner):
        async def story(home):
            for number in range(12):
                feel(home, "air", temperature=20.0 + 0.2 * number, humidity=50.0)
                await until(8 + 10 * number)
            return batches(home)

        found = tell(runner, BAND, story)
        sent = [reading(one)["value"] for one in found[2:] if reading(one)]
        # Each step is less than the deadband, but three are more.
        assert len(sent) >= 3
        assert all(0.5 <= after - before < 0.7 for before, after in pairwise(sent))

    def test_is_sent_once_in_each_heartbeat(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(125)
            return batches(home)

        found = tell(runner, BAND.replace("1h", "30s"), story)
        # Of 10 s on, when it began to feel this.
        assert [bool(reading(one)) for one in found[1:]] == [True, False, False] * 4

    def test_is_sent_on_request(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(35)
            return (await home.ask("read", {}))["data"]

        answer = tell(runner, BAND, story)
        assert (len(answer["readings"]), "unchanged" in answer) == (2, False)

    def test_is_sent_again_after_a_reload(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(35)
            await home.reload(BAND)
            await until(55)
            return batches(home)

        found = tell(runner, BAND, story)
        assert unchanged(found)[3] == ["air.humidity", "air.temperature"]
        assert (unchanged(found)[4], len(found[4]["readings"])) == ([], 2)
        assert unchanged(found)[5] == ["air.humidity", "air.temperature"]


class TestWhatIsNotWell:
    def test_is_sent_each_time_and_so_is_the_first_good_value_after_it(self, runner):
        async def story(home):
            feel(home, "air", temperature=59.9, humidity=50.0)
            await until(25)
            feel(home, "air", temperature=60.1)
            await until(45)
            feel(home, "air", temperature=59.9)
            await until(65)
            return batches(home)

        found = tell(runner, BAND + "limits = { temperature = [-20, 60] }\n", story)
        told = [(one := reading(document)) and one["status"] for document in found[1:]]
        assert told == ["ok", None, "suspect", "suspect", "ok", None]

    def test_is_followed_by_the_value_however_near_it_is(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(25)
            fault(home, "unplugged", "air", 10.0)
            await until(55)
            return batches(home)

        found = tell(runner, BAND, story)
        assert found[3]["unavailableSensors"] == ["air"]
        assert (len(found[4]["readings"]), unchanged(found)[5]) == (2, ["air.humidity", "air.temperature"])

    def test_is_sent_when_it_is_stale(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(25)
            fault(home, "unplugged", "air")
            await until(55)
            return batches(home)

        found = tell(runner, BAND + 'fallback = "last"\n', story)
        assert [reading(one)["status"] for one in found[3:]] == ["stale"] * 3


class TestABatchThatDidNotArrive:
    def test_lets_the_next_ones_carry_its_value_until_it_is_acknowledged(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(25)
            home.broker.refuses = BrokerTimeout("down")
            home.broker.cut()
            feel(home, "air", temperature=21.0)
            await until(65)
            home.broker.refuses = None
            await until(200)
            return batches(home)

        found = tell(runner, BAND, story)
        away = [one for one in found if one.get("historical")]
        assert len(away) > 2
        # Live batches overtake these: none of them may lean on one that has not arrived.
        assert all(reading(one) and one["unchanged"] == ["air.humidity"] for one in away)
        assert unchanged(found)[-1] == ["air.humidity", "air.temperature"]

    def test_makes_the_first_live_batch_of_a_new_connection_complete(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(33)
            home.broker.cut()
            await until(45)
            return batches(home)

        found = tell(runner, BAND, story)
        assert [bool(one) for one in unchanged(found)] == [False, False, True, True, False]


class TestAWindowWithADeadband:
    WINDOW = BAND + 'sample = "1s"\nretry = { attempts = 1 }\n'

    def test_is_left_out_while_its_mean_and_extremes_stand_still(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(45)
            return batches(home)

        assert unchanged(tell(runner, self.WINDOW, story))[-2:] == [["air.humidity", "air.temperature"]] * 2

    def test_is_sent_when_an_extreme_moves_or_a_sample_is_missing(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(42.5)
            feel(home, "air", temperature=22.0)
            await until(43.5)
            feel(home, "air", temperature=20.0)
            await until(72.5)
            fault(home, "unplugged", "air", 1.0)
            await until(85)
            return batches(home)

        found = tell(runner, self.WINDOW, story)
        moved, missed = reading(found[5]), reading(found[8])
        assert (moved["max"] - moved["value"] > 1.5, reading(found[7])) == (True, None)
        assert missed["missed"] == 1


def rounds(values, **more):
    """Return batches of one sensor with one quantity."""
    return [
        Batch(10.0 * number, "interval", 10.0, ("s",), (Reading("s", "t", value, status=status, **more),))
        for number, (value, status) in enumerate(values)
    ]


values = st.floats(-50, 50).map(lambda value: round(value, 2))
stories = st.lists(
    st.tuples(
        values,
        st.sampled_from(["ok", "ok", "ok", "suspect"]),
        # What becomes of the batch: it arrives, it waits for a while, it is given up, the connection is another one.
        st.sampled_from(["arrives", "arrives", "arrives", "waits", "lost", "reconnects"]),
    ),
    max_size=40,
)


@given(stories, st.floats(0.01, 20))
def test_a_subscriber_always_knows_a_value_that_is_nearer_than_the_deadband(story, band):
    lost = 0
    deadbands = Deadbands({"s": Deadband({"t": band}, 1e9)}, lambda: lost)
    known = None
    for seq, (batch, (value, status, fate)) in enumerate(
        zip(rounds([one[:2] for one in story]), story, strict=True), 1
    ):
        told = deadbands.applied(batch, seq)
        if fate == "reconnects":
            lost += 1
        if told.unchanged:
            assert (told.unchanged, status, told.unavailable) == (("s.t",), "ok", ())
            # The subscriber has only what arrived, in whatever order.
            assert known is not None
            assert abs(known - value) < band
        elif fate in ("arrives", "reconnects"):
            known = value
        if fate == "arrives":
            deadbands.acknowledged(seq)
        elif fate == "lost":
            lost += 1


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=100))
def test_a_heartbeat_is_never_missed(moves):
    deadbands = Deadbands({"s": Deadband({"t": 10.0}, 60.0)}, lambda: 0)
    last = 0.0
    for seq, batch in enumerate(rounds([(one, "ok") for one in moves]), 1):
        told = deadbands.applied(batch, seq)
        deadbands.acknowledged(seq)
        if told.readings:
            last = batch.due
        assert batch.due - last < 60.0


def test_a_sensor_without_a_deadband_has_its_batch_as_it_is():
    deadbands = Deadbands({"other": Deadband({"t": 1.0}, 60.0)}, lambda: 0)
    (batch,) = rounds([(1.0, "ok")])
    assert deadbands.applied(batch, 1) is batch


def test_a_move_of_exactly_the_deadband_is_sent():
    deadbands = Deadbands({"s": Deadband({"t": 0.1}, 600.0)}, lambda: 0)
    told = []
    for seq, batch in enumerate(rounds([(21.3, "ok"), (21.4, "ok"), (21.49, "ok")]), 1):
        told.append(bool(deadbands.applied(batch, seq).readings))
        deadbands.acknowledged(seq)
    assert told == [True, True, False]
