"""What encryption at rest costs: the same vectors in a store without a key and in one with a key, side by side.

    python -m benchmarks.sealing [--references 100000] [--seed 7] [--repeats 3]

Vectors of 128 numbers, one reference each, are put into a real SQLite store. Timed, by the processor's clock, are:
building the index from the store (and writing its snapshot), opening it from the snapshot, and reading all vectors. The
best of the repeats counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import insert, update

from benchmarks.figures import Figure, Result, heading
from data.store import Store, tables
from data.store.database import Database
from data.store.vectors import Templates
from data.vault import Vault, ring_of
from detector.signals import SignalId, SignalKind, SignalSet
from indexer.registry import Registry

FACE = SignalId(SignalKind.FACE, "sface", "2021dec", "align112")
AT = datetime(2026, 1, 1, tzinfo=UTC)
WHAT = ("index built from the store", "index opened from its snapshot", "all vectors read")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(heading(options))
    plain = _timed(options, Vault())
    sealed = _timed(options, Vault(lambda: _RING))
    for what, without, with_key in zip(WHAT, plain, sealed, strict=True):
        print(f"{what:32} plain {without:6.2f}   sealed {with_key:6.2f} s of a processor")
    if options.json:
        figures = [
            Figure(f"{what}, sealed", with_key, "s of a processor", "at most", None, without, "plain")
            for what, without, with_key in zip(WHAT, plain, sealed, strict=True)
        ]
        Result.of("sealing", options, figures).write(options.json)


_RING = ring_of([b"a key of this benchmark, 32 bytes"[:32]])


def _timed(options: argparse.Namespace, vault: Vault) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        url = f"sqlite:///{path / 'store.sqlite3'}"
        Store.open(url, clock=lambda: AT).close()
        _fill(url, options, vault)
        with Store.open(url, clock=lambda: AT, vault=vault) as store:
            ids = [f"r{number}" for number in range(options.references)]
            signals, snapshot = SignalSet(FACE, None, (), {}), path / "index.snapshot"

            def opened() -> None:
                found = Registry.open(signals, store.changes, snapshot, sealer=vault)
                assert found.registry_size == options.references

            rounds = [
                (
                    _seconds(lambda: (snapshot.unlink(missing_ok=True), opened())),
                    _seconds(opened),
                    _seconds(lambda: store.references.vectors_of(ids, FACE)),
                )
                for _ in range(options.repeats)
            ]
    return [min(times) for times in zip(*rounds, strict=True)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _fill(url: str, options: argparse.Namespace, vault: Vault) -> None:
    """Rows as the store writes them, all in one transaction: writing isn't what is measured."""
    count, templates = options.references, Templates(vault)
    vectors = np.random.default_rng(options.seed).normal(size=(count, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    blob = {"sha256": "0" * 64, "size": 1, "created_at": AT}
    people = [_person(number) for number in range(count)]
    references = [_reference(number) for number in range(count)]
    rows = [
        {"reference_id": f"r{n}", "signal_key": 1, **templates.columns(f"r{n}", FACE, vectors[n])}
        for n in range(count)
    ]
    changes = [
        {"number": n + 1, "op": "put", "reference_id": f"r{n}", "talent_id": f"t{n}", "at": AT}
        for n in range(count)
    ]
    database = Database(url, lambda: AT)
    with database.locked() as connection:
        connection.execute(insert(tables.signal).values(key=1, name=str(FACE)))
        connection.execute(insert(tables.blob).values(blob))
        connection.execute(insert(tables.talent), people)
        connection.execute(insert(tables.reference), references)
        connection.execute(insert(tables.reference_signal), rows)
        connection.execute(insert(tables.change), changes)
        connection.execute(update(tables.ledger).values(last_change=count))
    database.close()


def _person(number: int) -> dict[str, object]:
    name = f"t{number}"
    return {
        "id": name,
        "ref": name,
        "name": name,
        "minor": False,
        "wants_every_report": False,
        "created_at": AT,
    }


def _reference(number: int) -> dict[str, object]:
    of = {"id": f"r{number}", "talent_id": f"t{number}", "sha256": "0" * 64}
    return {**of, "source": "", "face": "{}", "quality": 0.9, "created_at": AT}


if __name__ == "__main__":
    main()
