"""Characters that look like - " ' or a space, or are invisible. Word processors and web pages insert them."""

from __future__ import annotations

import re

_QUOTES = "\u00ab\u00bb\u00b4\u2018-\u201f\u2032\u2033\u2039\u203a"
_DASHES = "\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_INVISIBLE = (
    "\u0080-\u009f\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
)
# Noncharacters (Unicode, section 23.7). A broker may end the session for one in a topic.
_NONE = "\ufdd0-\ufdef\ufffe\uffff" + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
)
# Class, the name of a character in it, and what to write instead.
_KINDS = (
    (_QUOTES, "a typographic quote", "write a straight quote, \" or '"),
    (_DASHES, "a typographic dash", "write a hyphen, -"),
    (_BLANKS, "a blank that is not the usual one", "write a plain blank, or none"),
    (_INVISIBLE, "an invisible character", "remove it"),
    (_NONE, "a code point that is no character", "remove it"),
)
_NAMES = {
    "\u00a0": "a no-break space",
    "\u202f": "a narrow no-break space",
    "\u2013": "an en dash",
    "\u2014": "an em dash",
    "\u2212": "a minus sign",
    "\u2011": "a no-break hyphen",
    "\u00ad": "a soft hyphen",
    "\u200b": "a zero-width space",
    "\ufeff": "a byte order mark",
    "\u2018": "a curly quote",
    "\u2019": "a curly quote",
    "\u201c": "a curly quote",
    "\u201d": "a curly quote",
    "\u201e": "a low curly quote",
}
ODD = f"[{_QUOTES}{_DASHES}{_BLANKS}{_INVISIBLE}{_NONE}]"
# The pattern of every text in the JSON Schema: no odd character, and no space at its ends.
PLAIN = rf"(?!.*{ODD})(?!\s)(?!.*\s$)"


def odd(text: str) -> tuple[str, str] | None:
    """Return the name of the first odd character in a text, and what to write instead; None if there is none.

    >>> odd("10\u00a0s")
    ('a no-break space (U+00A0)', 'write a plain blank, or none')
    """
    found = re.search(ODD, text)
    if found is None:
        return None
    character = found[0]
    name, fix = next((name, fix) for kind, name, fix in _KINDS if re.match(f"[{kind}]", character))
    name = _NAMES.get(character, name)
    shown = "" if fix == "remove it" or "blank" in fix else f" {character}"
    return f"{name}{shown} (U+{ord(character):04X})", fix
