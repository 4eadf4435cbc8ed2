"""What the publisher learns of its way to the broker: how much may be under way, and how long to wait."""

from random import Random
from types import SimpleNamespace

from agent.broker import BrokerLost
from agent.publisher.pacing import Traffic
from agent.publisher.reconnect import Patience


def test_a_slow_acknowledgement_halves_the_window():
    traffic = Traffic(lambda: 0.0, Random(1), 20.0, 16)
    for _ in range(20):
        traffic.acknowledged(0.1)
    traffic.acknowledged(3.0)
    assert traffic.window == 8


def test_the_first_wait_after_an_acknowledgement_is_short_again():
    longest = SimpleNamespace(uniform=lambda low, high: high)
    patience = Patience(lambda: 0.0, longest)
    for _ in range(8):
        patience.ended(BrokerLost("x"), None)
    assert patience.wait(guarded=False) > 1.0
    patience.proved()
    patience.ended(BrokerLost("x"), None)
    assert patience.wait(guarded=False) <= 1.0
