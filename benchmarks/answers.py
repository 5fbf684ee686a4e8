"""Whether two answers to one check are the same: everything but the finding's id, numbers to the last place shown.

Rows show scores rounded to five places. What goes through the networks in other company is added up in another order,
so that a score on the edge may be rounded the other way; nothing else may differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LAST_PLACE = 2e-5

_FINDING = re.compile(rb'"finding_id":\s?(?:null|"[^"]*")')


def differences(one: bytes, other: bytes) -> list[str]:
    """The places, as paths, at which two answers differ; empty when they are the same."""
    if without_finding(one) == without_finding(other):
        return []
    return list(_differing(json.loads(without_finding(one)), json.loads(without_finding(other)), ""))


def without_finding(answer: bytes) -> bytes:
    """The answer with no finding: each call that finds something has one of its own."""
    return _FINDING.sub(b'"finding_id":null', answer)


def _differing(one: Any, other: Any, place: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from _differing(one[name], other[name], f"{place}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _differing(*pair, f"{place}/{number}")
    elif not _same(one, other):
        yield place


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= LAST_PLACE
    return bool(one == other) and type(one) is type(other)
