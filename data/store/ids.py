"""Ids: short, readable, unique, in the order of their creation.

`tal_06f3k9x2c4` + ten random characters: the prefix names the noun, the first ten characters are the
milliseconds since 1970, the rest is random. Nothing of the person or the picture is in it, so an id may stand
in a log or the audit chain.
"""

from __future__ import annotations

import secrets
from datetime import datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u, which are misread."""

TALENT = "tal"
REFERENCE = "ref"
CONSENT = "con"
KEY = "key"
SCAN = "scn"
FINDING = "fnd"
WEBHOOK = "whk"
EVENT = "evt"
DELIVERY = "dlv"
HOLD = "hld"

_TIME_CHARACTERS = 10
_RANDOM_CHARACTERS = 10


def new_id(prefix: str, at: datetime) -> str:
    """A new id; two made at the same millisecond differ in 50 random bits."""
    milliseconds = int(at.timestamp() * 1000)
    time = _encode(milliseconds, _TIME_CHARACTERS)
    return f"{prefix}_{time}{_encode(secrets.randbits(5 * _RANDOM_CHARACTERS), _RANDOM_CHARACTERS)}"


def _encode(number: int, length: int) -> str:
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(length)))
