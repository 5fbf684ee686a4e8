"""A folder, with all below it: pictures by their suffix, in the order of their names' bytes, folders in their
place.

Files with another suffix or none (as crawls, caches and browsers leave them) count when they begin like a picture.
Hidden files and folders are left out. A linked folder is entered once, unless it lies in a folder that is
walked anyway; a link back to a folder that it lies in becomes an item that says so (`folder_loop`), like a
folder that can't be opened (`unreadable`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data.sources.files import file_item, unreadable
from data.sources.items import Item, failed
from data.sources.pictures import begins_like_a_picture
from detector.errors import UnreadableInput

_NAMES = "avif bmp dib gif heic heif hif j2k jfif jp2 jpe jpeg jpg jxl png psd tif tiff webp"

SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""Suffixes of pictures. The decoder decides which of them it takes; the others get a row that says so."""


def walk_folder(folder: Path) -> Iterator[Item]:
    """Every picture in and below the folder."""
    # not resolved: links in the name given are the user's own words for the place
    root = os.path.abspath(folder)  # noqa: PTH100
    return _Walk(os.path.realpath(root)).folder(root, ())


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk: its real root, and the real paths of linked folders that it has entered."""

    root: str
    entered: set[str] = field(default_factory=set)

    def folder(self, path: str, above: tuple[str, ...]) -> Iterator[Item]:
        """Items of one folder; `above` holds the real paths of the folders it was reached through."""
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield failed(path, unreadable(path, error))
            return
        within = (*above, os.path.realpath(path))
        for entry in entries:
            if not entry.name.startswith("."):
                yield from self._entry(entry, within)

    def _entry(self, entry: os.DirEntry[str], within: tuple[str, ...]) -> Iterator[Item]:
        try:
            is_folder = entry.is_dir()
        except OSError as error:  # a link that leads to itself
            yield failed(entry.path, unreadable(entry.path, error))
            return
        if not is_folder:
            if _wanted(entry):
                yield file_item(Path(entry.path))
        elif not entry.is_symlink():
            yield from self.folder(entry.path, within)
        else:
            yield from self._linked(entry.path, within)

    def _linked(self, path: str, within: tuple[str, ...]) -> Iterator[Item]:
        real = os.path.realpath(path)
        if real in within:
            detail = f"{path} leads back to a folder that it lies in, {real}; it was not entered"
            yield failed(path, UnreadableInput(detail, code="folder_loop"))
        elif real not in self.entered and not _below(real, self.root):
            self.entered.add(real)
            yield from self.folder(path, within)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _wanted(entry: os.DirEntry[str]) -> bool:
    suffix = Path(entry.name).suffix.lower()
    if suffix in SUFFIXES:
        return True
    unreadable_counts = not suffix  # it may be a picture: its row says why it can't be read
    return begins_like_a_picture(Path(entry.path), unless_readable=unreadable_counts)
