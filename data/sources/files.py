"""One file as an item. Only a regular file is read, and only up to a ceiling: a pipe would wait for ever, a
disk image would fill the memory. Nothing is opened before `read` is called."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from data.sources.items import BAD_ROW, IMAGE_MISSING, UNSUPPORTED_SOURCE, Item, failed, shown
from detector.errors import InputError, UnreadableInput

MAX_BYTES = 512 * 2**20
"""More than any picture; the decoder's own limit is lower."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def file_item(path: Path, row: Mapping[str, str] | None = None) -> Item:
    """The file at `path` as an item."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps "..", and resolve follows links
    return Item(shown(absolute), partial(_read, absolute), row or {})


def named_item(image: str | None, row: Mapping[str, str], folder: Path, place: str) -> Item:
    """The picture that a row names, relative to `folder`. `place` (file and line) stands in where it names
    none."""
    image = _meant(image or "", folder)
    if not image:
        return failed(place, InputError(f"{place}: the row names no image", code=IMAGE_MISSING), row)
    if _ADDRESS.match(image):
        detail = (
            f"{shown(image)} is a web address, which can't be fetched; download it and give the file's path"
        )
        return failed(image, UnreadableInput(detail, code=UNSUPPORTED_SOURCE), row)
    return file_item(folder / image, row)


def _meant(image: str, folder: Path) -> str:
    """The name as written where there is such a file, else without the blanks around it."""
    return image if image.strip() and os.path.lexists(folder / image) else image.strip()


def bad_row(place: str, why: str, row: Mapping[str, str] | None = None) -> Item:
    """A row that can't be understood."""
    return failed(place, InputError(f"{place}: {why}", code=BAD_ROW), row)


def _read(path: str) -> bytes:
    try:
        # without O_NONBLOCK, opening a named pipe would wait for somebody to write into it
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            _require_readable(path, os.fstat(handle))
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise UnreadableInput(f"{path!r} can't be the name of a file", code="bad_name") from error
    if len(data) > MAX_BYTES:
        raise _too_large(path, len(data))
    return data


def _require_readable(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableInput(f"{shown(path)} is no regular file; name a picture", code="not_a_file")
    if status.st_size > MAX_BYTES:
        raise _too_large(path, status.st_size)


def _too_large(path: str, size: int) -> UnreadableInput:
    return UnreadableInput(
        f"{shown(path)} has {size:,} bytes or more; nothing above {MAX_BYTES:,} is read", code="too_large"
    )


def unreadable(path: str, error: OSError) -> UnreadableInput:
    """What the system said of this path, as an error of that input."""
    code = _CODES.get(type(error), "unreadable")
    return UnreadableInput(
        f"{shown(path)} can't be read: {error.strerror or type(error).__name__}", code=code
    )


_CODES: Mapping[type[OSError], str] = {
    FileNotFoundError: "file_missing",
    NotADirectoryError: "file_missing",
    IsADirectoryError: "not_a_file",
}
