"""Kills importing, erasing, scanning and reviewing processes at random moments, and looks at the store each time.

    python -m tests.data.crashing [--rounds 200] [--seed N]      a few rounds run in `make check`

After every kill the store opens, the audit verifies (also against what was its end before), everything that was
acknowledged is there, every picture has its row and every row its picture, and of whoever was erased no byte is on the
disk, neither in the database and its log nor in the folders of pictures.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.checkpoints import Checkpoint
from data.store import Store
from data.store.queue import FindingFilter
from data.vault_keys import add_key
from detector.naming import is_flagged
from tests.data.crash_victim import FACE, WORKS, mark_of, vault_of, vector_of

ROOT = Path(__file__).resolve().parents[2]
VICTIM = Path(__file__).with_name("crash_victim.py")
SIGNING = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
TURNS = ("import", "scan", "review", "erase")
LONGEST = 0.25
"""Seconds that a victim lives at most after its first acknowledgement."""


@dataclass
class Promised:
    """What all victims acknowledged so far, by ids."""

    refs: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    rows: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    finished: set[str] = field(default_factory=set)
    reviewed: dict[str, int] = field(default_factory=dict)

    def take(self, line: str) -> None:
        kind, *words = line.split()
        if kind == "talent":
            self.refs[words[0]] = words[1]
        elif kind == "reference":
            self.references[words[0]] = words[1]
        elif kind == "erased":
            self.erased.add(words[0])
        elif kind in ("scan", "rows"):
            self.rows[words[0]] |= set(map(int, words[1:]))
        elif kind == "finished":
            self.finished.add(words[0])
        elif kind == "reviewed":
            self.reviewed[words[0]] = max(int(words[1]), self.reviewed.get(words[0], 0))


class Crashes:
    """One store, killed over and over."""

    def __init__(self, folder: Path, seed: int, *, sealed: bool) -> None:
        self._folder = folder / "state"
        self._url = f"sqlite:///{self._folder / 'store.sqlite3'}"
        self._chance = random.Random(seed)  # noqa: S311 - when to kill is no secret
        self._keys = str(folder / "vault.keys") if sealed else None
        if self._keys:
            add_key(Path(self._keys))
        self.promised = Promised()
        self._checkpoint: Checkpoint | None = None
        self.kills: Counter[str] = Counter()

    def round(self, work: str) -> None:
        """Start a victim, kill it, and look at what is left."""
        for line in self._killed(work):
            self.promised.take(line)
        self.kills[work] += 1
        self._look()

    def _killed(self, work: str) -> list[str]:
        seed = str(self._chance.getrandbits(30))
        command = [sys.executable, str(VICTIM), self._url, work, seed, *([self._keys] if self._keys else [])]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as victim:
            assert victim.stdout is not None
            first = victim.stdout.readline()
            assert first == "ready\n", "the victim could not open the store"
            time.sleep(self._chance.uniform(0, LONGEST))
            victim.kill()
            lines = victim.stdout.readlines()
        assert victim.returncode in (-9, 0), f"the victim failed by itself: {victim.returncode}"
        return [line for line in lines if line.endswith("\n")]

    def _look(self) -> None:
        with Store.open(self._url, clock=_later, vault=vault_of(self._keys)) as store:
            signed = [self._checkpoint] if self._checkpoint else []
            assert store.audit.verify(signed) == []
            erased = _erased(store)
            assert self.promised.erased <= erased
            self._require_people(store, erased)
            self._require_scans(store)
            self._require_reviews(store)
            _require_whole(store)
            refs = {talent_id: ref for talent_id, ref in self.promised.refs.items() if talent_id in erased}
            if store.audit.head()[0]:
                self._checkpoint = store.audit.checkpoint(SIGNING)
            _discard_uploads(store)
        _require_nothing_of(self._folder, refs)

    def _require_people(self, store: Store, erased: set[str]) -> None:
        for talent_id, ref in self.promised.refs.items():
            found = store.talents.get(talent_id)
            assert (found.erased_at is not None) == (talent_id in erased)
            assert found.ref == (talent_id if talent_id in erased else ref)
        alive = {one.id: one.talent_id for one in store.references.list()}
        for reference_id, talent_id in self.promised.references.items():
            assert (reference_id in alive) == (talent_id not in erased)
        vectors = store.references.vectors_of(list(alive), FACE)
        for reference_id, talent_id in alive.items():
            assert (vectors[reference_id] == vector_of(store.talents.get(talent_id).ref)).all()
            assert store.references.picture(reference_id)

    def _require_scans(self, store: Store) -> None:
        for scan_id, numbers in self.promised.rows.items():
            found = {one.number: one for one in store.scans.rows(scan_id, -1, 1000)}
            assert numbers <= found.keys()
            for one in found.values():
                assert one.finding_id is None or store.findings.get(one.finding_id).scan_id == scan_id
                assert not is_flagged(one.row) or one.finding_id is not None
        for scan_id in self.promised.finished:
            assert str(store.scans.get(scan_id).state) == "succeeded"

    def _require_reviews(self, store: Store) -> None:
        """A finding goes with the one person it names; what is left of it has all its decisions."""
        for finding_id, version in self.promised.reviewed.items():
            here = store.audit.list(subject=finding_id)
            assert sum(event.action == "finding.reviewed" for event in here) >= version
        for found in _findings(store):
            history = store.findings.history(found)
            assert [one.version for one in history] == list(range(1, len(history) + 1))
            assert store.findings.get(found).version == len(history) >= self.promised.reviewed.get(found, 0)


def _later() -> datetime:
    """Late enough that what a dead process had staged is swept."""
    return datetime.now(UTC) + timedelta(minutes=2)


def _erased(store: Store) -> set[str]:
    return {one.id for one in store.talents.list(erased=True) if one.erased_at is not None}


def _findings(store: Store) -> list[str]:
    return [one.id for one in store.queue.page(FindingFilter(), limit=100_000)]


def _require_whole(store: Store) -> None:
    """Change numbers have no gap and lead to the references; files and rows are the same ones, after the sweep."""
    changes = store.changes.since(0, FACE, 1_000_000)
    replayed = {one.reference_id for one in changes if one.op == "put"}
    assert replayed == {one.id for one in store.references.list()}
    store.sweep()
    kept = {found: store.findings.get(found) for found in _findings(store)}
    for found, one in kept.items():
        assert not one.picture or store.findings.picture(found)
    assert set(store.evidence.names()) == {one.sha256 for one in kept.values() if one.picture}


def _discard_uploads(store: Store) -> None:
    """Pictures of scans that nobody will go on with, as a worker's chore does once a scan has ended."""
    for scan_id in store.uploads.scans():
        store.uploads.discard_scan(scan_id)


def _require_nothing_of(folder: Path, refs: dict[str, str]) -> None:
    everything = b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for ref in refs.values():
        for trace in (mark_of(ref), vector_of(ref).tobytes()[:32], f"Name of {ref}".encode()):
            assert trace not in everything, f"of {ref} something is left"


def run(folder: Path, rounds: int, seed: int, *, sealed: bool) -> Crashes:
    """So many kills of one store, the works in turn."""
    crashes = Crashes(folder, seed, sealed=sealed)
    for number in range(rounds):
        crashes.round(TURNS[number % len(TURNS)])
    return crashes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(30))
    parser.add_argument("--plain", action="store_true", help="without a key: everything lies there in plain")
    options = parser.parse_args()
    print(f"{options}", flush=True)  # noqa: T201
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        crashes = run(Path(folder), options.rounds, options.seed, sealed=not options.plain)
    promised = crashes.promised
    print(  # noqa: T201
        f"{dict(crashes.kills)} kills in {time.monotonic() - began:.0f} s; acknowledged and found: "
        f"{len(promised.refs)} talents, {len(promised.references)} references, {len(promised.erased)} erasures, "
        f"{sum(map(len, promised.rows.values()))} rows of {len(promised.rows)} scans, "
        f"{sum(promised.reviewed.values())} reviews"
    )


assert set(TURNS) == set(WORKS)

if __name__ == "__main__":
    main()
