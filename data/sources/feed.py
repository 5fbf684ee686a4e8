"""A feed: a file with one JSON object per line, with the key `image` and any others, like a manifest's
columns.

A line that can't be understood is one item with its error; the lines after it count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.sources.files import bad_row, named_item
from data.sources.items import Item, shown
from detector.errors import UsageError

IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that can be read."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Feed:
        """Raises UsageError when the file can't be read."""
        try:
            with path.open("rb"):
                return cls(path)
        except OSError as error:
            raise UsageError(f"the feed {path} can't be read: {error.strerror}") from error

    def __iter__(self) -> Iterator[Item]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if content.strip():
                    yield self._item(content, f"{self.path}:{number}")

    def _item(self, line: bytes, place: str) -> Item:
        try:
            document = document_of(line)
        except ValueError as error:
            return bad_row(place, str(error))
        image = document.pop(IMAGE, None)
        row = columns_of(document)
        if image is not None and not isinstance(image, str):
            return bad_row(place, "`image` must be a text", row)
        return named_item(image, row, self.path.parent, place)


def document_of(line: bytes) -> dict[str, Any]:
    """The object that one line holds. Raises ValueError, saying why it holds none."""
    try:
        document = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the line is no JSON ({error})") from error
    if not isinstance(document, dict):
        raise ValueError("the line is no JSON object")
    return document


def columns_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The other keys as columns of text, as a manifest would hold them; null is an empty cell and left
    out."""
    return {shown(key): shown(_text(value)) for key, value in document.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "|".join(value)
    return json.dumps(value, ensure_ascii=False)
