"""The law for every I2C driver on a bad line: what it accepts is the truth.

Where a chip has no checksum, at one wrong bit in 500 at most one accepted reading in a hundred may be untrue.
"""

from __future__ import annotations

import pytest

from drivers.conformance import lines

from .test_driver_faults import at_start_and_in_service, every_driver, kept


@every_driver
class TestEveryDriver:
    def test_accepts_next_to_no_lie_where_one_bit_in_500_is_wrong(self, name: str) -> None:
        kept(lines.one_bit_in_500(name))

    def test_accepts_next_to_no_lie_where_bits_that_are_written_are_wrong_as_well(self, name: str) -> None:
        kept(lines.one_written_bit_in_500(name))

    def test_accepts_few_lies_where_one_bit_in_100_is_wrong(self, name: str) -> None:
        kept(lines.one_bit_in_100(name))

    @at_start_and_in_service
    @pytest.mark.parametrize("byte", lines.BYTES)
    def test_takes_no_constant_line_for_a_chip(self, name: str, byte: int, known: bool) -> None:
        kept(lines.a_constant_line(name, byte, known))

    def test_takes_no_constant_line_for_a_chip_that_need_not_identify_itself(self, name: str) -> None:
        kept(lines.a_constant_line_believed_by_name(name))

    @pytest.mark.parametrize("rest", [0x00, 0xFF])
    @at_start_and_in_service
    def test_accepts_no_half_frame(self, name: str, rest: int, known: bool) -> None:
        kept(lines.half_frames(name, rest, known))

    @pytest.mark.parametrize("rest", [0x00, 0xFF])
    def test_accepts_no_reading_of_which_a_few_frames_were_cut(self, name: str, rest: int) -> None:
        kept(lines.a_few_cut_frames(name, rest))
