"""Runs as a process of its own, to be killed: imports, erases, scans or reviews, and acknowledges what is committed.

    python crash_victim.py URL WORK SEED [KEY_FILE]

Every line on standard output is something that must be there from now on. Each person has a mark of their own in every
picture and vector, by which whoever looks through the disk finds what is left of them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from data.store import NewReference, Store
from data.store.keys import NewKey
from data.store.queue import FindingFilter
from data.store.scan_work import CheckedItem
from data.store.scans import ItemKind, NewItem, NewScan, ScanState
from data.vault import Vault
from data.vault_keys import FileKeys
from detector.access import Role
from detector.review import ALLOWED, Judgement, ReviewState
from detector.signals import Box, FaceQuality, SignalId, SignalKind
from tests.flagged import face, row

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")
PICTURES = 12
"""Of one scan."""


def vault_of(key_file: str | None) -> Vault:
    return Vault(FileKeys(Path(key_file))) if key_file else Vault()


def mark_of(ref: str) -> bytes:
    """What every picture of this person holds, whoever took it."""
    return f"<{ref}>".encode() * 4


def vector_of(ref: str) -> np.ndarray:
    return np.random.default_rng(list(ref.encode())).normal(size=128).astype(np.float32)


def picture_of(ref: str, number: int) -> bytes:
    return mark_of(ref) + f" picture {number} ".encode() + random.Random(f"{ref}{number}").randbytes(3000)  # noqa: S311


def main(url: str, work: str, seed: int, key_file: str | None) -> None:
    with Store.open(url, clock=lambda: datetime.now(UTC), vault=vault_of(key_file)) as store:
        acknowledge("ready")
        chance = random.Random(seed)  # noqa: S311 - which comes first is no secret
        for _ in WORKS[work](store, chance):
            pass


def acknowledge(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - the acknowledgement


def importing(store: Store, chance: random.Random) -> Iterator[None]:
    while True:
        ref = f"ref-{chance.getrandbits(60):015x}"
        talent = store.talents.add(ref, f"Name of {ref}")
        acknowledge("talent", talent.id, ref)
        for number in range(2):
            kept = store.references.add(talent.id, reference(ref, number))
            acknowledge("reference", kept.id, talent.id)
        yield


def reference(ref: str, number: int) -> NewReference:
    return NewReference(
        picture=picture_of(ref, number),
        source=f"{number}.jpg",
        box=Box(0, 0, 10, 10),
        landmarks=((0, 0),) * 5,
        quality=FaceQuality(1, 60, 10, 0),
        signals={FACE: vector_of(ref)},
    )


def erasing(store: Store, chance: random.Random) -> Iterator[None]:
    """Those who are left, in any order; a few stay for the others to work with."""
    talents = store.talents.list()
    chance.shuffle(talents)
    for talent in talents[3:]:
        store.talents.erase(talent.id)
        acknowledge("erased", talent.id)
        yield


def scanning(store: Store, chance: random.Random) -> Iterator[None]:
    """Orders scans and is their worker: every third picture shows somebody registered."""
    key = store.keys.create(NewKey(Role.ADMIN, "victim"))[0].id
    while True:
        talents = store.talents.list()
        scan_id = store.scans.new_id()
        pictures = {
            number: picture_of(chance.choice(talents).ref, chance.getrandbits(30))
            for number in range(PICTURES)
        }
        for number, picture in pictures.items():
            store.uploads.keep(scan_id, number, picture)
        items = [NewItem(f"{number}.jpg", ItemKind.FILE) for number in pictures]
        store.scans.create(NewScan(key, "shop", items), scan_id)
        acknowledge("scan", scan_id)
        work_on(store, scan_id)
        yield


def work_on(store: Store, scan_id: str) -> None:
    lease = store.scan_work.claim(scan_id, f"victim-{scan_id}", 0.0)
    if lease is None:
        return
    while items := store.scan_work.unchecked(scan_id, -1, 4):
        checked = [checked_item(store, scan_id, item.number) for item in items]
        store.scan_work.record(lease, checked)
        acknowledge("rows", scan_id, *(item.number for item in items))
        store.uploads.discard(scan_id, [item.number for item in items])
    store.scan_work.finish(lease, ScanState.SUCCEEDED)
    acknowledge("finished", scan_id)


def checked_item(store: Store, scan_id: str, number: int) -> CheckedItem:
    picture = store.uploads.read(scan_id, number)
    assert picture is not None, "an upload stays until its row is written"
    ref = picture.split(b">")[0][1:].decode()
    shown = next((one.id for one in store.talents.list() if one.ref == ref), None)
    if number % 3 or shown is None:
        return CheckedItem(number, row(face(None), picture=picture))
    return CheckedItem(number, row(face(shown), picture=picture), picture)


def reviewing(store: Store, chance: random.Random) -> Iterator[None]:
    key = store.keys.create(NewKey(Role.REVIEWER, "victim"))[0].id
    for found in store.queue.page(FindingFilter(), limit=200):
        outcome = chance.choice(sorted(ALLOWED[found.state] - {ReviewState.AUTHORISED_OUT_OF_BAND}))
        decided = store.findings.review(found.id, found.version, Judgement(outcome, "looked at"), key)
        acknowledge("reviewed", found.id, decided.version, decided.state)
        yield


WORKS: dict[str, Callable[[Store, random.Random], Iterator[None]]] = {
    "import": importing,
    "erase": erasing,
    "scan": scanning,
    "review": reviewing,
}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
