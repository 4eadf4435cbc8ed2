"""The order in which addresses are tried, the time that each gets, and the one error that is left of many."""

from __future__ import annotations

from agent.broker import BrokerError, BrokerLost, BrokerRefused, TlsProblem
from agent.broker import route as route_module
from agent.broker.errors import together
from agent.broker.route import Route, Target


class TestARoute:
    A, B = (Target("a", 2, (address, 1883), address) for address in ("10.0.0.1", "10.0.0.2"))

    def test_keeps_the_order_of_the_configuration_until_something_worked(self):
        route = Route()
        assert route.hosts(["b", "a", "b"]) == ["b", "a"]
        assert route.targets("a", [self.B, self.A]) == [self.B, self.A]

    def test_begins_with_what_worked_last(self):
        route = Route()
        route.worked(self.A)
        assert route.hosts(["b", "a"]) == ["a", "b"]
        assert route.targets("a", [self.B, self.A]) == [self.A, self.B]
        assert route.targets("b", []) == []

    def test_gives_the_last_one_all_the_time_there_is(self):
        assert Route().seconds(10.0, others=False) == 10.0

    def test_grows_a_share_to_a_bound(self):
        route = Route()
        for _ in range(20):
            route.failed()
        assert route.seconds(100.0, others=True) == route_module.LONGEST_SHARE


class TestErrorsTogether:
    def test_the_most_telling_one_speaks_for_all(self):
        refused = BrokerRefused("no", permanent=True, code=0x87)
        lost, tls = BrokerLost("away"), TlsProblem("odd", "expired")
        for errors in ([lost, tls, refused], [refused, lost, tls]):
            assert together(errors) is refused
        assert "away" in str(refused)

    def test_a_person_is_needed_only_if_all_say_so(self):
        def error(permanent: bool) -> BrokerError:
            return BrokerError(f"{permanent}", permanent=permanent)

        assert together([error(True), error(True)]).permanent
        assert not together([error(True), error(False)]).permanent

    def test_the_same_text_is_said_once(self):
        assert str(together([BrokerLost("away"), BrokerLost("away")])) == "away"
