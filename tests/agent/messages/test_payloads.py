"""What the payloads refuse, and what they say where something is missing."""

from types import SimpleNamespace

import pytest

from agent.messages import payloads
from agent.model import Batch, Present, Reading


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
