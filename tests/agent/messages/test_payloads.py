"""What the payloads refuse, and what they say where something is missing."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import rfc3339
from agent.messages import payloads
from agent.model import Batch, Fault, Present, Reading, Window


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_never_leaves(value):
    with pytest.raises(ValueError, match="JSON"):
        payloads.encode({"value": value})


def test_a_reading_that_is_not_ok_makes_a_batch_degraded():
    batch = Batch(0.0, "interval", 1.0, ("a",), (Reading("a", "t", 1.0, "", "suspect", reason="x"),))
    assert payloads.batch(batch, device_id="d", boot_id="b", seq=1, synced=True, stamp=str)["degraded"] is True


def test_a_sensor_that_was_never_read_is_unavailable_in_the_state():
    one = SimpleNamespace(id="a", driver="x", every=1.0, present=Present(), quantities=())
    assert payloads.state([one], now="n", stamp=str)["sensors"]["a"]["status"] == "unavailable"


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20)
TEXTS = st.text(max_size=8) | st.sampled_from(['"readings":null', '"value":0', "°C", "\u2028"])
MOMENTS = st.none() | st.floats(99.0, 101.0)
READINGS = st.builds(
    Reading,
    sensor=TEXTS,
    quantity=TEXTS,
    value=NUMBERS,
    unit=TEXTS,
    status=st.sampled_from(["ok", "ok", "stale", "suspect", "substituted"]),
    age=st.none() | st.floats(0.0, 9.0),
    reason=st.none() | TEXTS,
    source=st.none() | TEXTS,
    measured=MOMENTS,
    window=st.none() | st.builds(Window, NUMBERS, NUMBERS, st.integers(1, 9), st.integers(0, 9)),
)
FAULTS = st.builds(
    Fault, TEXTS, TEXTS, TEXTS, st.integers(0, 9), st.just("open"), st.none() | st.floats(0.0, 9.0), st.floats(0, 100.0)
)


class TestABatchThatIsEncodedAtOnce:
    @given(st.lists(READINGS, max_size=4), st.lists(FAULTS, max_size=2), TEXTS, st.booleans())
    def test_has_the_same_bytes_as_its_document(self, readings, faults, device, simulated):
        names = (*{one.sensor for one in readings}, "gone")
        batch = Batch(100.0, "interval", 1.0, names, tuple(readings), tuple(faults))
        facts = {"device_id": device, "boot_id": "b", "seq": 7, "synced": True, "stamp": rfc3339}
        document = payloads.batch(batch, **facts)
        expected = payloads.encode(payloads.simulated(document) if simulated else document)
        assert payloads.encoded_batch(batch, **facts, simulated=simulated) == expected
        assert payloads.decode(expected)["readings"] == document["readings"]

    @pytest.mark.parametrize(
        "special",
        [
            {"status": "suspect"},
            {"age": 2.0},
            {"reason": "x"},
            {"source": "b"},
            {"measured": 99.0},
            {"measured": 101.0},
            {"window": Window(1.0, 2.0, 3, 0)},
            {"value": 7},
        ],
    )
    def test_has_all_that_one_reading_has(self, special):
        one = Reading("a", "t", 1.5, "°C")._replace(**special)
        batch = Batch(100.0, "interval", 1.0, ("a",), (one,))
        facts = {"device_id": "d", "boot_id": "b", "seq": 7, "synced": True, "stamp": rfc3339}
        assert payloads.encoded_batch(batch, **facts) == payloads.encode(payloads.batch(batch, **facts))

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_never_has_a_number_that_json_does_not_have(self, value):
        batch = Batch(0.0, "interval", 1.0, ("a",), (Reading("a", "t", value),))
        with pytest.raises(ValueError, match="JSON"):
            payloads.encoded_batch(batch, device_id="d", boot_id="b", seq=1, synced=True, stamp=str)
