"""A ZIP as a bundle: its members are inflated one at a time into memory, counted, and never written to a path.

    end record ─▶ is its table of contents small? ─▶ names, kinds and number of members ─▶ read(name)

A ZIP lies easily: about its members' sizes, their number, their names. So the table of contents is bounded before it is
read, what is inflated is counted byte by byte, and members that are no plain files (links, encrypted ones, methods that
need much memory) are refused when they are read. ZIPs inside the ZIP are not opened.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Sequence
from typing import IO

from data.sources.bundle import Budget, BundleLimits, by_safe_name, missing, require_few
from detector.errors import BadBundle, UnreadableInput

_END = b"PK\x05\x06"
_END_LENGTH = 22
_LONGEST_COMMENT = 65_535
_LOCATOR_64 = b"PK\x06\x07"
_LOCATOR_64_LENGTH = 20
_CONTENTS_PER_FILE = 1024
"""Bytes that one member may take in the table of contents, on average: a header, its name, some extra fields."""

_ENCRYPTED = 0x1
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """An open ZIP. A bundle; reads are for one thread at a time."""

    def __init__(self, file: IO[bytes], limits: BundleLimits) -> None:
        """`file` can be sought in and stays the caller's to close. Raises BadBundle."""
        _require_small_contents(file, limits)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
            raise _damaged() from error
        members = [info for info in self._zip.infolist() if _is_a_file(info.filename)]
        require_few(len(members), limits)
        self._members = by_safe_name((info.filename, info) for info in members)
        self._budget = Budget(limits)

    def names(self) -> Sequence[str]:
        return list(self._members)

    def read(self, name: str) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise missing(name)
        _require_plain(name, info)
        try:
            with self._zip.open(info) as member:
                return self._budget.read(name, member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise UnreadableInput(f"{name} is damaged in the ZIP; pack it again", code="damaged") from error


def _is_a_file(name: str) -> bool:
    """A damaged table of contents may have an empty name, which `ZipInfo.is_dir` breaks on."""
    return not name.endswith("/") and not _left_by_macos(name)


def _require_small_contents(file: IO[bytes], limits: BundleLimits) -> None:
    """The table of contents is read whole and takes many times its length in memory, so it is bounded first."""
    end = _end_record(file)
    listed = int.from_bytes(end[10:12], "little")
    length = int.from_bytes(end[12:16], "little")
    require_few(listed, limits)
    if length > limits.files * _CONTENTS_PER_FILE:
        raise BadBundle("the ZIP's table of contents is too long", code="too_many_files")


def _end_record(file: IO[bytes]) -> bytes:
    size = file.seek(0, 2)
    tail_length = min(size, _END_LENGTH + _LONGEST_COMMENT + _LOCATOR_64_LENGTH)
    file.seek(size - tail_length)
    tail = file.read(tail_length)
    at = tail.rfind(_END)
    end = tail[at : at + _END_LENGTH]
    if at < 0 or len(end) < _END_LENGTH:
        raise BadBundle("the file is no ZIP; pack the roster and its pictures as one", code="not_an_archive")
    if tail[max(0, at - _LOCATOR_64_LENGTH) : at].startswith(_LOCATOR_64):
        raise BadBundle(
            "the ZIP is in the large form (ZIP64); send it in several smaller ones", code="too_many_files"
        )
    return end


def _require_plain(name: str, info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & _ENCRYPTED:
        raise UnreadableInput(f"{name} is encrypted; pack it without a password", code="encrypted")
    if kind not in (0, stat.S_IFREG):
        raise UnreadableInput(f"{name} is a link or another thing that is no file", code="not_a_file")
    if info.compress_type not in _PLAIN:
        raise UnreadableInput(
            f"{name} is packed by an unusual method; use plain ZIP (deflate)", code="damaged"
        )


def _left_by_macos(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _damaged() -> BadBundle:
    return BadBundle("the ZIP is damaged; pack it again", code="archive_damaged")
