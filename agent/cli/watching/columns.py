"""Columns that fit any width: those that matter least go first, the value never. Needs `rich`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

ROOMY = 72  # columns of a screen that has room for more space between two


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        rank: 0 is never narrowed or left out; the highest goes first.
        least: the width below which it is left out instead.
        right: whether its texts stand at its right edge.
    """

    title: str
    rank: int
    least: int = 1
    right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A text in a row. Its style is one of rich's."""

    text: str
    style: str = ""


def widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """Return how wide each column is, so that all together fit into `width`; 0 for one that is left out."""
    wide = [max([0, *(cell_len(row[n].text) for row in rows)]) for n in range(len(columns))]
    wide = [max(size, cell_len(column.title)) if size else 0 for size, column in zip(wide, columns, strict=True)]
    for rank in sorted({column.rank for column in columns if column.rank}, reverse=True):
        kept = [size if column.rank <= rank else 0 for size, column in zip(wide, columns, strict=True)]
        # The last one beside the value takes what the value leaves.
        least = [min(size, column.least if rank > 1 else 0) for size, column in zip(kept, columns, strict=True)]
        least = [size if not column.rank else floor for size, floor, column in zip(kept, least, columns, strict=True)]
        if rank == 1 or total(least, width) <= width:
            return _narrowed(columns, kept, least, width)
    return wide


def _narrowed(columns: Sequence[Column], wide: list[int], least: Sequence[int], width: int) -> list[int]:
    """Take what is too much from the columns that matter least."""
    for n in sorted(range(len(columns)), key=lambda one: -columns[one].rank):
        excess = total(wide, width) - width
        wide[n] -= max(0, min(excess, wide[n] - least[n]))
    return wide


def total(wide: Sequence[int], width: int) -> int:
    """Return how wide columns are together with what is between them, on a screen of that width."""
    shown = [one for one in wide if one]
    return sum(shown) + gap(width) * (len(shown) - 1)


def gap(width: int) -> int:
    """Return the spaces between two columns."""
    return 2 if width >= ROOMY else 1


def line(cells: Sequence[Cell], columns: Sequence[Column], wide: Sequence[int], width: int, style: str = "") -> Text:
    """Return a row as one line."""
    made = Text(style=style, no_wrap=True, overflow="crop")
    for cell, column, size in zip(cells, columns, wide, strict=True):
        if size:
            made.append(" " * gap(width) if made else "")
            made.append(fitted(cell.text, size, right=column.right), cell.style)
    made.rstrip()
    made.truncate(width)
    return made


def fitted(text: str, size: int, *, right: bool = False) -> str:
    """Return a text that is exactly `size` cells wide, shortened with a mark or filled up with spaces."""
    length = cell_len(text)
    if length > size:
        return set_cell_size(text, size - 1) + "…" if size > 1 else set_cell_size(text, size)
    return " " * (size - length) + text if right else text + " " * (size - length)
