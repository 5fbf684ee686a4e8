"""Snapshots: the same registry as a full rebuild, or an error and then a full rebuild; nothing between."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import SnapshotError, VaultError
from detector.signals import SignalSet
from indexer import snapshot
from indexer.registry import Registry
from indexer.shelf import Position, ShelfContents


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "registry.snapshot"


def contents(world: Any) -> list[ShelfContents]:
    faces = np.stack([world.unit(), world.unit()])
    hashes = np.stack([world.code()[0]])
    return [
        ShelfContents(world.face, Position(9, "r2"), ("r1", "r2"), ("t", "ü"), (0.5, 1.0), faces),
        ShelfContents(world.phash, Position(8, "r1"), ("r1",), ("t",), (1.0,), hashes),
        ShelfContents(world.dhash, Position(), (), (), (), np.zeros((0, 0), np.uint8)),
    ]


def assert_same(one: list[ShelfContents], other: list[ShelfContents]) -> None:
    for left, right in zip(one, other, strict=True):
        assert (left.signal, left.position, left.ids) == (right.signal, right.position, right.ids)
        assert (left.talents, left.weights) == (right.talents, right.weights)
        assert np.array_equal(left.vectors, right.vectors)
        assert left.vectors.dtype == right.vectors.dtype


def test_what_was_saved_is_loaded(world: Any, path: Path) -> None:
    snapshot.save(path, contents_ := contents(world))
    assert_same(snapshot.load(path), contents_)


def test_only_its_owner_may_read_it(world: Any, path: Path) -> None:
    snapshot.save(path, contents(world))
    assert path.stat().st_mode & 0o077 == 0


def test_a_changed_byte_anywhere_is_detected(world: Any) -> None:
    data = snapshot.encode(contents(world))
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(SnapshotError):
            snapshot.decode(bytes(damaged))


def test_any_truncation_or_addition_is_detected(world: Any) -> None:
    data = snapshot.encode(contents(world))
    for length in range(len(data)):
        with pytest.raises(SnapshotError):
            snapshot.decode(data[:length])
    with pytest.raises(SnapshotError):
        snapshot.decode(data + b"\0")


@given(data=st.binary(max_size=200))
@settings(deadline=None)
def test_arbitrary_bytes_are_no_snapshot(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        snapshot.decode(snapshot.MAGIC + data)


def test_an_absent_or_unreadable_file_is_a_snapshot_error(tmp_path: Path) -> None:
    for bad in (tmp_path / "absent", tmp_path):
        with pytest.raises(SnapshotError, match="cannot be read"):
            snapshot.load(bad)


def test_a_failed_write_keeps_the_old_snapshot(
    world: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot.save(path, contents(world)[:1])
    before = path.read_bytes()

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        snapshot.save(path, contents(world))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from indexer import snapshot
from indexer.shelf import Position, ShelfContents
import numpy as np
from detector.signals import SignalId
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
face = SignalId.parse("face/net@1/aligned")
new = ShelfContents(face, Position(1, "r"), ("r",), ("t",), (1.0,), np.ones((1, 4), np.float32))
snapshot.save(Path(sys.argv[1]), [new])
"""


def test_killed_between_write_and_rename_keeps_the_old_one(world: Any, path: Path) -> None:
    snapshot.save(path, old := contents(world))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert killed.returncode == -9
    assert_same(snapshot.load(path), old)
    (left,) = path.parent.glob("*.partial")
    os.utime(left, (1, 1))
    snapshot.save(path, old)
    assert list(path.parent.iterdir()) == [path]


def test_a_partial_of_another_live_process_is_left_alone(world: Any, path: Path) -> None:
    path.parent.mkdir()
    other = path.with_name(f"{path.name}.abc.partial")
    other.write_bytes(b"being written")
    snapshot.save(path, contents(world))
    assert other.exists()


def answers(registry: Registry, world: Any, picture: Any) -> dict[tuple[Any, ...], float]:
    (found,) = registry.search([picture], 50)
    said: dict[tuple[Any, ...], float] = {}
    for place, face in enumerate(found.faces):
        for c in face:
            said[place, c.talent_id, c.reference_id, c.references] = c.similarity
            said[place, c.talent_id, "template"] = c.template_similarity
    said |= {(c.reference_id, c.talent_id, c.signal): c.similarity for c in found.copies}
    return said


class CountingFeed:
    """Counts what is read of a feed."""

    def __init__(self, feed: Any) -> None:
        self._feed = feed
        self.read = 0

    def head(self) -> int:
        return int(self._feed.head())

    def since(self, number: int, signal_id: Any, limit: int) -> Any:
        page = self._feed.since(number, signal_id, limit)
        self.read += len(page)
        return page


def test_snapshot_and_replay_equal_a_full_rebuild(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 60, 3)
    Registry.open(world.made_by, feed, path)
    world.fill(feed, 3, 4)
    feed.remove("t7-r1")
    feed.remove("t8-r0")
    counting = CountingFeed(feed)
    replayed = Registry.open(world.made_by, counting, path)
    assert replayed.rebuilt_because is None
    assert counting.read <= 4 * (16 + 14), "all was read again instead of what is new"
    rebuilt = Registry.open(world.made_by, feed)
    picture = world.seen([world.unit(), world.unit()])
    assert answers(replayed, world, picture) == pytest.approx(answers(rebuilt, world, picture), abs=1e-5)
    assert replayed.registry_size == rebuilt.registry_size


def test_opening_twice_without_changes_writes_nothing(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 2, 2)
    Registry.open(world.made_by, feed, path)
    before = path.stat().st_ino, path.read_bytes()
    Registry.open(world.made_by, feed, path)
    assert (path.stat().st_ino, path.read_bytes()) == before


def test_a_damaged_snapshot_is_rebuilt_and_replaced(
    world: Any, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feed = world.fill(world.feed(), 4, 2)
    good = Registry.open(world.made_by, feed, path)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(bytes(damaged))
    rebuilt = Registry.open(world.made_by, feed, path)
    picture = world.seen([world.unit()])
    assert answers(rebuilt, world, picture) == pytest.approx(answers(good, world, picture), abs=1e-5)
    assert rebuilt.rebuilt_because is not None
    assert "checksum" in rebuilt.rebuilt_because
    assert "rebuilt from the store" in caplog.text
    assert snapshot.load(path)


def test_a_snapshot_of_another_store_is_rebuilt(world: Any, path: Path) -> None:
    theirs = world.feed()
    for number in range(5):
        theirs.put(f"theirs{number}", "stranger", world.vectors())
    Registry.open(world.made_by, theirs, path)
    ours = world.fill(world.feed(), 4, 2)
    registry = Registry.open(world.made_by, ours, path)
    assert registry.rebuilt_because is not None
    assert "another store" in registry.rebuilt_because
    assert {name[1] for name in answers(registry, world, world.seen([world.unit()]))} <= {
        *(f"t{n}" for n in range(4))
    }


def test_a_store_restored_from_an_older_backup_is_followed_anew(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 3, 2)
    Registry.open(world.made_by, feed, path)
    for name in ("t2-r1", "t2-r0"):
        del feed.kept[name]
    del feed.log[4:]
    registry = Registry.open(world.made_by, feed, path)
    assert registry.registry_size == 2


def test_the_last_reference_removed_meanwhile_is_no_other_store(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 3, 2)
    Registry.open(world.made_by, feed, path)
    feed.remove("t2-r1")
    registry = Registry.open(world.made_by, feed, path)
    assert registry.rebuilt_because is None
    (answer,) = registry.search([world.seen([world.unit()])], 9)
    assert "t2-r1" not in {candidate.reference_id for candidate in answer.faces[0]}


def test_other_signals_than_before_are_rebuilt(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 3, 2)
    Registry.open(SignalSet(world.face, None, (world.phash,)), feed, path)
    registry = Registry.open(world.made_by, feed, path)
    assert registry.rebuilt_because is not None
    assert "other signals" in registry.rebuilt_because
    (answer,) = registry.search([world.seen()], 1)
    assert {copy.signal for copy in answer.copies} == {world.image, world.phash, world.dhash}


def test_an_erased_reference_is_gone_from_answers_and_from_the_disk_at_once(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 3, 2)
    gone = feed.kept["t1-r0"]
    registry = Registry.open(world.made_by, feed, path)
    kept_bytes = gone.vectors[world.face].tobytes()
    assert kept_bytes in path.read_bytes()
    feed.remove("t1-r0")
    feed.remove("t1-r1")
    registry.refresh()
    (answer,) = registry.search([world.seen([gone.vectors[world.face]], like=gone.vectors)], 50)
    assert {candidate.talent_id for candidate in answer.faces[0]} == {"t0", "t2"}
    assert {copy.talent_id for copy in answer.copies} == {"t0", "t2"}
    on_disk = path.read_bytes()
    assert kept_bytes not in on_disk
    assert b'"t1"' not in on_disk
    assert registry.registry_size == 2


def test_what_is_erased_while_a_snapshot_is_written_is_not_left_in_it(
    world: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = world.fill(world.feed(), 3, 2)
    gone = feed.kept["t1-r0"].vectors[world.face].tobytes()
    save, erasures = snapshot.save, iter(["t1-r1", "t1-r0"])

    def save_while_erasing(*arguments: Any) -> None:
        for name in islice(erasures, 1):
            feed.remove(name)
        save(*arguments)

    monkeypatch.setattr(snapshot, "save", save_while_erasing)
    Registry.open(world.made_by, feed, path)
    left = path.read_bytes()
    assert gone not in left
    assert b'"t1"' not in left
    assert b'"t2"' in left


def test_two_registries_of_one_store_agree(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 3, 2)
    one = Registry.open(world.made_by, feed, path)
    other = Registry.open(world.made_by, feed)
    world.fill(feed, 6, 1)
    one.refresh()
    feed.remove("t0-r1")
    for registry in (one, other):
        registry.refresh()
    picture = world.seen([world.unit()])
    assert answers(one, world, picture) == pytest.approx(answers(other, world, picture), abs=1e-5)
    assert one.change_number == other.change_number == feed.head()


def test_where_nothing_can_be_written_the_registry_still_answers(
    world: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    registry = Registry.open(world.made_by, world.fill(world.feed(), 2, 2), blocked / "registry.snapshot")
    assert registry.registry_size == 2
    assert "could not be written" in caplog.text


class Turning:
    """A sealer that turns every bit, so that the plain bytes are not to be found, and notes what they were sealed as."""

    def __init__(self, mark: bytes = b"k1") -> None:
        self.mark = mark

    def seal(self, plain: bytes, context: str) -> bytes:
        return self.mark + (~np.frombuffer(f"{context}|".encode() + plain, np.uint8)).tobytes()

    def unseal(self, kept: bytes, context: str) -> bytes:
        found, _, plain = (~np.frombuffer(kept[2:], np.uint8)).tobytes().partition(b"|")
        if kept[:2] != self.mark or found.decode() != context:
            raise VaultError("it is sealed otherwise")
        return plain

    def is_current(self, kept: bytes) -> bool:
        return kept.startswith(self.mark)


def test_a_sealed_snapshot_shows_nothing_and_comes_back(
    world: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_PIECE_BYTES", 100)
    snapshot.save(path, kept := contents(world), Turning())
    assert_same(snapshot.load(path, Turning()), kept)
    data = path.read_bytes()
    assert kept[0].vectors.tobytes()[:16] not in data
    assert b"shelves" not in data
    assert snapshot.is_current(path, Turning())
    assert not snapshot.is_current(path, Turning(b"k2"))


def test_pieces_of_a_sealed_snapshot_cannot_be_left_out_or_swapped(
    world: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_PIECE_BYTES", 100)
    snapshot.save(path, contents(world), Turning())
    data, at, pieces = path.read_bytes(), 8, []
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 8], "little")
        pieces.append(data[at:end])
        at = end
    assert len(pieces) > 3
    for wrong in (pieces[:-1], pieces[1:], [*pieces[1:], pieces[0]]):
        path.write_bytes(data[:8] + b"".join(wrong))
        with pytest.raises(SnapshotError, match="sealed otherwise"):
            snapshot.load(path, Turning())


def test_a_snapshot_under_another_key_is_written_anew_or_rebuilt(world: Any, path: Path) -> None:
    feed = world.fill(world.feed(), 3, 2)
    Registry.open(world.made_by, feed, path)
    template = feed.kept["t0-r0"].vectors[world.face].tobytes()
    assert template in path.read_bytes()
    registry = Registry.open(world.made_by, feed, path, sealer=Turning())
    assert registry.rebuilt_because is not None
    assert template not in path.read_bytes()
    assert Registry.open(world.made_by, feed, path, sealer=Turning()).rebuilt_because is None


def test_a_discarded_snapshot_leaves_nothing_even_of_one_being_written(world: Any, path: Path) -> None:
    snapshot.save(path, contents(world))
    path.with_name(f"{path.name}.abc.partial").write_bytes(b"being written")
    snapshot.discard(path)
    snapshot.discard(path)
    assert list(path.parent.iterdir()) == []
