"""Items: what a source yields, one per input, in order, the unusable ones too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from detector.errors import InputError

BAD_ROW = "bad_row"
"""Code of a row that can't be understood at all."""

IMAGE_MISSING = "image_missing"
"""Code of a row that names no picture."""

UNSUPPORTED_SOURCE = "unsupported_source"
"""Code of a row that names a web address: fetching is not built in yet, and silence would look like an
answer."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input. `source` is its absolute path (bytes that are no text written out), its web address, or the
    file and line of a row that names no picture. `row` holds the row's other columns, as written. `read`
    gives the encoded bytes or raises InputError."""

    source: str
    read: Callable[[], bytes] = field(repr=False)
    row: Mapping[str, str] = field(default_factory=dict)


def failed(source: str, error: InputError, row: Mapping[str, str] | None = None) -> Item:
    """An item that is there to say why it can't be read."""

    def read() -> bytes:
        raise error

    return Item(shown(source), read, row or {})


def shown(text: str) -> str:
    """The text as every reader of a report can take it: bytes that are no text written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
