"""Where the keys of a TOML text stand."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.positions import line_of, positions

TEXT = '''\
# [no] table
title = "x"  # = "y"
a.b."c.d" = 1
list = [ # one
  [1, 2],
  { x = "]", y = [3] }, # ] }
]
many = """
[no]
key = "no"
""\\"" # """
raw = \'\'\'
it's [[no]]\'\'\'
[table] # [x]
key = { inner.deep = true, "quo\\u0074e" = 'c:\\' }

[[row]]
[row.sub]
x = 1979-05-27 07:32:00
[[row]]
sub.x = 2
[[row.cell]]
[[row.cell]]
y = -inf
z = """"" # """"" # x = "
v = \'\'\'\'\'\'
'''


def ways(value: Any, way: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Return the way to everything in a parsed document."""
    found = {way} if way else set()
    if isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            found |= ways(one, (*way, name))
    return found


@pytest.mark.parametrize(
    ("way", "line"),
    [
        (("title",), 2),
        (("a", "b", "c.d"), 3),
        (("list", 0, 1), 5),
        (("list", 1, "y", 0), 6),
        (("many",), 8),
        (("raw",), 12),
        (("table", "key"), 15),
        (("table", "key", "inner", "deep"), 15),
        (("table", "key", "quote"), 15),
        (("row", 0, "sub", "x"), 19),
        (("row", 1), 20),
        (("row", 1, "sub", "x"), 21),
        (("row", 1, "cell", 0), 22),
        (("row", 1, "cell", 1, "y"), 24),
    ],
)
def test_every_key_has_its_line(way, line):
    assert positions(TEXT)[way] == line


def test_all_keys_are_found_and_no_others():
    assert set(positions(TEXT)) == ways(tomllib.loads(TEXT))


def test_a_key_that_is_missing_is_where_its_table_begins():
    assert line_of(positions(TEXT), ("row", 1, "cell", 1, "missing")) == 23
    assert line_of({}, ("x",)) == 1


@given(st.text(max_size=200))
def test_no_text_makes_it_fail(text):
    positions(text)


# Documents as hypothesis writes them: everything that can hide a key or look like one.
bare = st.text("abc-_1", min_size=1, max_size=3)
strings = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8)
scalars = st.one_of(
    st.integers(-99, 99).map(str),
    st.sampled_from(["true", "1.5e3", "nan", "1979-05-27T07:32:00Z", "07:32:00", "0x1F"]),
    strings.map(lambda s: '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    strings.map(lambda s: "'" + s.replace("'", "") + "'"),
    strings.map(lambda s: '"""\n' + s.replace("\\", "\\\\").replace('"', '\\"') + '\n#] "" \n"""'),
    strings.map(lambda s: "'''" + s.replace("'", "") + "\n[x]\n'''"),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[ # ]\n" + ",\n".join(items) + "\n]"),
        st.lists(inner.filter(lambda v: "\n" not in v), max_size=3).map(
            lambda items: "{" + ", ".join(f"k{n} = {one}" for n, one in enumerate(items)) + "}"
        ),
    ),
    max_leaves=5,
)
lines = st.one_of(
    st.tuples(bare, values).map(" = ".join),
    st.tuples(bare, bare, scalars).map(lambda t: f"{t[0]} . '{t[1]}'= {t[2]}  # [x]"),
    bare.map("[{}]".format),
    bare.map("[[{}]] # x".format),
    st.tuples(bare, bare).map(lambda t: f'[ {t[0]}."{t[1]}" ]'),
    st.sampled_from(["", "# a = 1", "\t"]),
)


@given(st.lists(lines, max_size=12))
def test_agrees_with_tomllib_on_what_is_there_and_where(written):
    while True:  # leave out what tomllib refuses: a key that is there twice
        text = "\n".join(written)
        try:
            document = tomllib.loads(text)
            break
        except tomllib.TOMLDecodeError:
            written = written[:-1]
    found = positions(text)
    assert set(found) == ways(document)
    by_line = text.split("\n")
    for way, line in found.items():
        if len(way) == 1:
            assert str(way[0]) in by_line[line - 1]
