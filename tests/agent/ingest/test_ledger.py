"""The ledger: however it is told, in whatever order and how often, it knows the same, and counts right."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.ingest.ledger import Account, End, Intervals, change

NUMBERS = st.sets(st.integers(1, 60))
PARTS = st.tuples(st.integers(1, 60), st.integers(0, 15)).map(lambda pair: (pair[0], pair[0] + pair[1]))
ENDS = st.builds(End, st.none() | st.integers(0, 70), st.booleans())
ACCOUNTS = st.builds(Account, NUMBERS.map(Intervals.of), st.lists(PARTS, max_size=4).map(Intervals), st.none() | ENDS)


def numbers(parts: Intervals) -> set[int]:
    return {number for first, last in parts for number in range(first, last + 1)}


def total(accounts: list[Account]) -> Account:
    whole = Account()
    for one in accounts:
        whole |= one
    return whole


class TestIntervals:
    @given(st.lists(PARTS))
    def test_are_ascending_and_never_touch(self, parts):
        made = list(Intervals(parts))
        assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(made))

    @given(NUMBERS, NUMBERS)
    def test_are_sets_of_numbers(self, one, other):
        first, second = Intervals.of(one), Intervals.of(other)
        assert numbers(first | second) == one | other
        assert numbers(first - second) == one - other
        assert first.count == len(one)
        assert {number for number in range(80) if number in first} == one

    def test_count_more_than_a_length_can_hold(self):
        assert Intervals([(1, 2**80)]).count == 2**80

    @given(NUMBERS, NUMBERS)
    def test_are_changed_where_they_are_stored_by_the_parts_that_differ(self, one, other):
        stored, new = set(Intervals.of(one)), Intervals.of(other)
        first, last = new.hull if new else (0, -2)
        near = [part for part in stored if part[1] >= first - 1 and part[0] <= last + 1]
        made = change(near, new)
        assert set(made.gone) <= stored
        after = (stored - set(made.gone)) | set(made.come)
        assert Intervals(after) == Intervals.of(one | other)
        assert len(after) == len(list(Intervals(after)))


class TestTheLedger:
    @given(st.lists(ACCOUNTS, max_size=6), st.randoms(use_true_random=False))
    def test_knows_the_same_in_any_order_and_by_any_worker(self, accounts, rng):
        shuffled = accounts + [one for one in accounts if rng.random() < 0.5]
        rng.shuffle(shuffled)
        cut = rng.randint(0, len(shuffled))
        assert total(shuffled[:cut]) | total(shuffled[cut:]) == total(accounts)

    @given(ACCOUNTS)
    def test_counts_every_number_of_a_run_exactly_once(self, account):
        parts = [numbers(account.received), numbers(account.lost), numbers(account.undeclared)]
        assert sum(map(len, parts)) == len(set().union(*parts)) == account.last
        assert account.received.count + account.lost.count + account.undeclared.count == account.last

    def test_takes_what_was_declared_and_came_after_all_for_received(self):
        account = Account(Intervals.of([1, 2, 5]), Intervals([(3, 5)]))
        assert (account.lost.count, account.undeclared.count) == (2, 0)

    def test_counts_gaps_that_overlap_once(self):
        assert Account(declared=Intervals([(1, 5), (3, 8), (3, 4)])).lost.count == 8

    def test_knows_of_a_lost_tail_from_the_next_run(self):
        account = Account(Intervals.of([1, 2]), end=End(4, clean=True))
        assert list(account.undeclared) == [(3, 4)]

    def test_takes_no_end_where_nobody_can_know_it(self):
        assert not Account(Intervals.of([1, 2]), end=End(None, clean=False)).undeclared

    def test_counts_from_one(self):
        assert list(Account(Intervals.of([3])).undeclared) == [(1, 2)]
