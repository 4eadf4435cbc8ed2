"""Votes: what several sensors agree on, who disagrees, and whose word does not count."""

from __future__ import annotations

from statistics import median
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import HEAD, batches, fault, feel, reading, state, tell, until

from agent.acquisition.vote import VoteSensor, elect
from agent.model import Present, Reading
from agent.resilience import CircuitBreaker, RetryPolicy
from drivers.chip import Quantity
from drivers.chip.vote import Vote

THREE = HEAD + "".join(
    f'[[sensor]]\nid = "{name}"\ndriver = "sht4x"\naddress = 0x{address:02x}\n'
    for name, address in (("air", 0x44), ("wall", 0x45), ("desk", 0x46))
)
TOLERANCE = "tolerance = { temperature = 0.5 }"
ROOM = f'[[sensor]]\nid = "room"\ndriver = "vote"\noptions = {{ of = ["air", "wall", "desk"], {TOLERANCE} }}\n'
PAIR = f'[[sensor]]\nid = "room"\ndriver = "vote"\noptions = {{ of = ["air", "wall"], {TOLERANCE} }}\n'


def temperatures(home, **values) -> None:
    for name, value in values.items():
        feel(home, name, temperature=value, humidity=50.0)


def last_of(runner, text, **values):
    """Return the last batch and the state of an agent whose sensors feel this."""

    async def story(home):
        temperatures(home, **values)
        await until(25)
        return batches(home)[-1], state(home, "room")

    return tell(runner, text, story)


def room(document, quantity="temperature"):
    return reading(document, "room", quantity)


class TestThreeThatVote:
    def test_have_their_median_and_its_value_in_state(self, runner):
        last, present = last_of(runner, THREE + ROOM, air=20.0, wall=20.2, desk=20.3)
        one = room(last)
        assert (one["status"], one["unit"]) == ("ok", "°C")
        assert one["value"] == pytest.approx(20.2, abs=0.02)
        assert (present["status"], present["temperature"]) == ("ok", one["value"])
        assert not last["degraded"]

    def test_name_the_one_that_disagrees(self, runner):
        last, _ = last_of(runner, THREE + ROOM, air=20.0, wall=20.2, desk=25.0)
        one = room(last)
        assert (one["status"], one["value"]) == ("suspect", pytest.approx(20.2, abs=0.02))
        assert "desk" in one["reason"]
        assert "air" not in one["reason"]
        assert last["degraded"]

    def test_have_a_value_of_each_quantity_that_all_of_them_measure(self, runner):
        last, _ = last_of(runner, THREE + ROOM, air=20.0, wall=20.2, desk=20.3)
        assert {one["quantity"] for one in last["readings"] if one["sensorId"] == "room"} == {"temperature", "humidity"}

    def test_do_with_two(self, runner):
        async def story(home):
            temperatures(home, air=20.0, wall=20.2, desk=20.3)
            await until(12)
            fault(home, "unplugged", "desk")
            await until(25)
            return batches(home)[-1]

        last = tell(runner, THREE + ROOM, story)
        assert last["unavailableSensors"] == ["desk"]
        assert (room(last)["status"], room(last)["value"]) == ("ok", pytest.approx(20.1, abs=0.02))


class TestTwoThatVote:
    def test_have_their_mean(self, runner):
        last, _ = last_of(runner, THREE + PAIR, air=20.0, wall=20.4)
        assert (room(last)["status"], room(last)["value"]) == ("ok", pytest.approx(20.2, abs=0.02))

    def test_are_both_named_where_they_disagree(self, runner):
        last, _ = last_of(runner, THREE + PAIR, air=20.0, wall=20.8)
        one = room(last)
        assert (one["status"], one["value"]) == ("suspect", pytest.approx(20.4, abs=0.02))
        assert "air" in one["reason"]
        assert "wall" in one["reason"]

    def test_are_suspect_where_one_is_alone(self, runner):
        async def story(home):
            temperatures(home, air=20.0, wall=20.2)
            await until(12)
            fault(home, "unplugged", "wall")
            await until(25)
            return batches(home)[-1]

        one = room(tell(runner, THREE + PAIR, story))
        assert (one["status"], one["value"]) == ("suspect", pytest.approx(20.0, abs=0.02))
        assert "wall" in one["reason"]

    def test_are_unavailable_where_there_is_none(self, runner):
        async def story(home):
            await until(12)
            fault(home, "unplugged", "air")
            fault(home, "unplugged", "wall")
            await until(25)
            return batches(home)[-1], state(home, "room")

        last, present = tell(runner, THREE + PAIR, story)
        assert last["unavailableSensors"] == ["air", "wall", "room"]
        (why,) = [one for one in last["faults"] if one["sensorId"] == "room"]
        assert "NoAcknowledge" in why["message"]
        assert (present["status"], present["temperature"]) == ("unavailable", None)

    def test_come_back(self, runner):
        async def story(home):
            fault(home, "unplugged", "air", 20.0)
            fault(home, "unplugged", "wall", 20.0)
            await until(95)
            return batches(home)

        found = tell(runner, THREE + PAIR, story)
        assert "room" in found[1]["unavailableSensors"]
        assert room(found[-1]) is not None


class TestAMemberThatIsNotWell:
    def test_does_not_vote_while_another_does(self, runner):
        limited = THREE.replace("address = 0x46\n", "address = 0x46\nlimits = { temperature = [0, 40] }\n")
        last, _ = last_of(runner, limited + ROOM, air=20.0, wall=20.4, desk=55.0)
        assert (room(last)["status"], room(last)["value"]) == ("ok", pytest.approx(20.2, abs=0.02))

    def test_votes_where_no_other_does_and_the_result_is_suspect(self, runner):
        limited = THREE.replace("0x44\n", "0x44\nlimits = { temperature = [0, 10] }\n")
        limited = limited.replace("0x45\n", "0x45\nlimits = { temperature = [0, 10] }\n")
        last, _ = last_of(runner, limited + PAIR, air=20.0, wall=20.2)
        assert room(last)["status"] == "suspect"
        assert "all votes are suspect" in room(last)["reason"]

    @pytest.mark.parametrize("fallback", ["last", "sensor:desk"])
    def test_does_not_vote_with_a_value_that_is_not_its_own_or_not_fresh(self, runner, fallback):
        text = THREE.replace("0x45\n", f'0x45\nfallback = "{fallback}"\n') + PAIR

        async def story(home):
            temperatures(home, air=20.0, wall=20.2, desk=90.0)
            await until(12)
            fault(home, "unplugged", "wall")
            await until(45)
            return batches(home)[-1]

        last = tell(runner, text, story)
        assert reading(last, "wall")["status"] in ("stale", "substituted")
        assert (room(last)["status"], room(last)["value"]) == ("suspect", pytest.approx(20.0, abs=0.02))


class TestMembersWithOtherIntervals:
    def test_vote_with_their_latest_value_and_the_result_tells_its_age(self, runner):
        slow = THREE.replace("0x45\n", '0x45\nevery = "60s"\n')

        async def story(home):
            temperatures(home, air=20.0, wall=20.2)
            await until(105)
            return batches(home)[-1]

        last = tell(runner, slow + PAIR, story)
        one = room(last)
        assert (one["status"], one["value"]) == ("ok", pytest.approx(20.1, abs=0.02))
        assert one["timestamp"] < last["timestamp"]

    def test_do_not_vote_when_their_value_is_old(self, runner):
        slow = THREE.replace("0x45\n", '0x45\nevery = "60s"\n')

        async def story(home):
            await until(65)
            fault(home, "unplugged", "wall")
            await until(165)
            return batches(home)[-1]

        assert "wall" in room(tell(runner, slow + PAIR, story))["reason"]

    def test_may_have_windows(self, runner):
        last, _ = last_of(runner, THREE.replace("0x44\n", '0x44\nsample = "1s"\n') + PAIR, air=20.0, wall=20.2)
        assert room(last)["value"] == pytest.approx(20.1, abs=0.02)


class TestARequestForAVote:
    def test_reads_its_members_and_answers_with_the_vote_alone(self, runner):
        async def story(home):
            temperatures(home, air=30.0, wall=30.2, desk=30.1)
            return (await home.ask("read", {"sensors": ["room"]}))["data"]

        answer = tell(runner, THREE + ROOM, story)
        assert {one["sensorId"] for one in answer["readings"]} == {"room"}
        assert room(answer)["value"] == pytest.approx(30.1, abs=0.02)


class TestAVote:
    def test_has_no_breaker_and_its_quantities_are_in_info(self, runner):
        async def story(home):
            health = [one.document for one in home.broker.received if one.name == "health"][-1]
            info = [one.document for one in home.broker.received if one.name == "info"][-1]
            return health, info

        health, info = tell(runner, THREE + ROOM, story)
        assert "room" not in health["breakers"]
        assert health["sensors"]["room"]["status"] != "unavailable"
        (about,) = [one for one in info["sensors"] if one["id"] == "room"]
        assert [one["name"] for one in about["quantities"]] == ["temperature", "humidity"]

    def test_stands_in_for_another_sensor(self, runner):
        text = (THREE + PAIR).replace("0x46\n", '0x46\nfallback = "sensor:room"\n')

        async def story(home):
            temperatures(home, air=20.0, wall=20.2, desk=20.1)
            await until(12)
            fault(home, "unplugged", "desk")
            await until(25)
            return batches(home)[-1]

        one = reading(tell(runner, text, story), "desk")
        assert (one["status"], one["source"], one["value"]) == ("substituted", "room", pytest.approx(20.1, abs=0.02))

    def test_derives_from_what_it_elects_and_keeps_its_limits(self, runner):
        more = PAIR + 'derive = ["dew_point"]\nlimits = { temperature = [0, 10] }\n'
        last, _ = last_of(runner, THREE + more, air=20.0, wall=20.0)
        assert room(last)["status"] == "suspect"
        assert room(last, "dew_point")["value"] == pytest.approx(9.27, abs=0.05)
        assert room(last, "dew_point")["reason"].startswith("temperature: outside")

    def test_finds_its_members_again_after_a_reload(self, runner):
        async def story(home):
            await home.reload((THREE + PAIR).replace("0x44\n", "0x44\ncalibrate = { temperature = { offset = 2 } }\n"))
            temperatures(home, air=20.0, wall=22.0)
            await until(35)
            return batches(home)[-1]

        one = room(tell(runner, THREE + PAIR, story))
        assert (one["status"], one["value"]) == ("ok", pytest.approx(22.0, abs=0.02))


@pytest.mark.parametrize(
    ("values", "value", "differ"),
    [((0, 0), 0, []), ((1, 1), 1, []), ((0, 1), 1, ["a"]), ((0, 1, 0), 0, ["b"]), ((1, 1, 0), 1, ["c"])],
)
def test_a_state_is_on_or_off_and_never_in_between(values, value, differ):
    assert elect(dict(zip("abc", values, strict=False)), None, is_state=True) == (value, differ)


@pytest.mark.parametrize(("age", "says"), [(14.0, None), (16.0, "wall alone votes, not air"), (40.0, "wall alone")])
def test_a_reading_that_is_older_than_one_and_a_half_intervals_does_not_vote(age, says):
    quantity = (Quantity("temperature", "°C", step=0.01),)

    def member(name, value, measured):
        present = Present("ok", readings=(Reading(name, "temperature", value, "°C", measured=measured),))
        return SimpleNamespace(
            id=name, every=10.0, quantities=quantity, present=present, chip=SimpleNamespace(takes=0.0)
        )

    members = {"air": member("air", 20.0, 100.0 - age), "wall": member("wall", 21.0, 100.0)}
    vote = VoteSensor(
        "room",
        Vote(of=["air", "wall"]),
        find=members.get,
        every=5.0,
        timeout=2.0,
        breaker=CircuitBreaker(3, 30.0),
        retry=RetryPolicy(1),
        clock=lambda: 100.0,
    )
    ((one,), faults) = vote.conclude(100.0, 100.0)
    assert not faults
    assert (one.reason or "").startswith(says or "")
    assert one.status == ("suspect" if says else "ok")
    assert one.measured == (100.0 if says else 100.0 - age)


votes = st.dictionaries(st.text("abcde", min_size=1, max_size=2), st.floats(-100, 100), min_size=2, max_size=7)


@given(votes, st.floats(0.1, 50))
def test_the_elected_value_lies_between_the_votes_and_who_disagrees_is_farther_than_the_tolerance(values, tolerance):
    value, differ = elect(values, tolerance)
    assert value == median(values.values())
    assert min(values.values()) <= value <= max(values.values())
    spread = max(values.values()) - min(values.values())
    if spread < tolerance:
        assert not differ
    if len(values) == 2:
        assert len(differ) in (0, 2)
    else:
        assert all(abs(values[name] - value) > tolerance for name in differ)
        # An even number may have its median in a gap that is wider than the tolerance.
        assert len(differ) < len(values) or len(values) % 2 == 0


def test_home_assistant_is_told_of_votes_and_of_what_is_derived(runner):
    text = THREE.replace("0x44\n", '0x44\nderive = ["absolute_humidity", "vapour_pressure_deficit"]\n') + PAIR

    async def story(home):
        return [one.document for one in home.broker.received if one.topic.startswith("homeassistant/device")][-1]

    components = tell(runner, text + "[homeassistant]\ndiscovery = true\n", story)["components"]
    deficit, voted = components["air_vapour_pressure_deficit"], components["room_temperature"]
    assert (deficit["device_class"], deficit["unit_of_measurement"]) == ("pressure", "kPa")
    assert "device_class" not in components["air_absolute_humidity"]
    assert (voted["device_class"], voted["unique_id"]) == ("temperature", "limpet/pi/room/temperature")
    assert not any(name.startswith("Breaker_room") for name in components)


def test_what_all_members_derive_is_voted_on_and_not_derived_once_more(runner):
    derive = 'derive = ["dew_point"]\n'
    text = (THREE + PAIR).replace("[[sensor]]\n", "[[sensor]]\n" + derive)

    async def story(home):
        temperatures(home, air=20.0, wall=20.4, desk=20.0)
        await until(15)
        return batches(home)[-1], home.agent.assembly.find("room").quantities

    last, quantities = tell(runner, text, story)
    names = ["temperature", "humidity", "dew_point"]
    assert [one.name for one in quantities] == names
    assert [one["quantity"] for one in last["readings"] if one["sensorId"] == "room"] == names


class TestAVoteOnWhatIsBeyondTheRange:
    TEXT = (
        HEAD
        + "".join(
            f'[[sensor]]\nid = "{one}"\ndriver = "vl53l0x"\nmux = {{ address = 0x70, channel = {n} }}\n{{more}}'
            for n, one in enumerate(["left", "right"])
        ).replace("{more}", "MORE")
        + '[[sensor]]\nid = "room"\ndriver = "vote"\noptions = { of = ["left", "right"] }\n'
    )

    @pytest.mark.parametrize("more", ["", 'sample = "2s"\n'])
    def test_is_beyond_the_range_too_and_nothing_is_wrong(self, runner, more):
        async def story(home):
            for name in ("left", "right"):
                feel(home, name, distance=100_000.0)
            await until(35)
            return batches(home)[-1], state(home, "room")

        last, present = tell(runner, self.TEXT.replace("MORE", more), story)
        assert [(one["sensorId"], one["error"]) for one in last["faults"]] == [
            ("left", "BeyondRange"),
            ("right", "BeyondRange"),
            ("room", "BeyondRange"),
        ]
        assert (last["degraded"], last["unavailableSensors"], present["status"]) == (False, [], "beyond_range")

    def test_has_the_value_of_one_alone_as_suspect(self, runner):
        async def story(home):
            feel(home, "left", distance=100_000.0)
            await until(25)
            return batches(home)[-1]

        last = tell(runner, self.TEXT.replace("MORE", ""), story)
        assert room(last, "distance")["reason"] == "right alone votes, not left"
