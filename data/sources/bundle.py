"""Files that came together in one call: uploaded side by side, or packed in a ZIP. Names are names here, never paths.

    bundle.names() ─▶ what came            bundle.read(name) ─▶ its bytes, counted while they are read

Nothing of a bundle is ever written under a name that its sender chose, so no name can lead anywhere; names that try to
are refused all the same, since whoever unpacks the same file elsewhere would be led. A bundle has a budget of bytes
that all its reads together draw from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Protocol, TypeVar

from data.sources.items import Item, shown
from detector.errors import BadBundle, UnreadableInput

LONGEST_NAME = 255
MEBIBYTE = 2**20

_DRIVE = re.compile("[A-Za-z]:")

Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class BundleLimits:
    """What one bundle may cost. Bytes are counted as they are after unpacking."""

    files: int = 1000
    file_bytes: int = 64 * MEBIBYTE
    total_bytes: int = 1024 * MEBIBYTE


class Bundle(Protocol):
    """Files by name."""

    def names(self) -> Sequence[str]: ...

    def read(self, name: str) -> bytes:
        """Raises UnreadableInput: there is no such file, it is too large, or the bundle's budget is spent."""
        ...


class Budget:
    """How many bytes may still be read. Not for several threads at once."""

    def __init__(self, limits: BundleLimits) -> None:
        self._limits = limits
        self._left = limits.total_bytes

    def read(self, name: str, file: IO[bytes]) -> bytes:
        """The whole file. At most a byte more than is allowed is ever held. Raises UnreadableInput."""
        data = file.read(min(self._limits.file_bytes, self._left) + 1)
        if len(data) > self._limits.file_bytes:
            raise UnreadableInput(
                f"{name} has more than the {self._limits.file_bytes:,} bytes that one file may have",
                code="too_large",
            )
        if len(data) > self._left:
            raise UnreadableInput(
                f"{name} was not read: the files together have more than the {self._limits.total_bytes:,} bytes "
                "that one call may bring; send the rest in another",
                code="bundle_too_large",
            )
        self._left -= len(data)
        return data


class UploadedFiles:
    """Files that were uploaded side by side. A bundle."""

    def __init__(self, files: Sequence[tuple[str, IO[bytes]]], limits: BundleLimits) -> None:
        """`files`: name and open file of each. Raises BadBundle."""
        require_few(len(files), limits)
        self._files = by_safe_name(files)
        self._budget = Budget(limits)

    def names(self) -> Sequence[str]:
        return list(self._files)

    def read(self, name: str) -> bytes:
        file = self._files.get(name)
        if file is None:
            raise missing(name)
        file.seek(0)
        return self._budget.read(name, file)


def by_safe_name(files: Iterable[tuple[str, Held]]) -> dict[str, Held]:
    """The files by their names. Raises BadBundle for a name that leads elsewhere, or that two files have."""
    found: dict[str, Held] = {}
    for name, file in files:
        known = safe_name(name)
        if known in found:
            raise BadBundle(f"two files are called {known}; names must differ", code="duplicate_name")
        found[known] = file
    return found


def safe_name(name: str) -> str:
    """The name in Unicode's composed form. Raises BadBundle unless it is a plain relative name with `/` between."""
    known = unicodedata.normalize("NFC", name)
    parts = known.split("/")
    strange = any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") or each == "\\" for each in known)
    if (
        strange
        or _DRIVE.match(known)
        or len(known) > LONGEST_NAME
        or any(part.strip() in ("", ".", "..") for part in parts)
    ):
        raise BadBundle(
            f"a file is called {known[:80]!a}, which is no plain name; "
            "use relative names with / between folders, without .. and \\",
            code="unsafe_name",
        )
    return known


def require_few(files: int, limits: BundleLimits) -> None:
    """Raises BadBundle."""
    if files > limits.files:
        raise BadBundle(
            f"{files:,} files came, more than the {limits.files:,} that one call may bring; send them in several",
            code="too_many_files",
        )


def missing(name: str) -> UnreadableInput:
    """No file of this name came."""
    return UnreadableInput(f"no file called {name[:80]!a} was sent", code="file_missing")


def bundled_item(bundle: Bundle, name: str) -> Item:
    """One file of a bundle as a source's item."""
    return Item(shown(name), partial(bundle.read, unicodedata.normalize("NFC", name)))
