"""Runs as a process of its own: imports rows, and acknowledges each on stdout once it is committed.

    python store_writer.py URL PREFIX COUNT

A row is a talent with two references; every third row removes one of them again. It is what a test kills.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import numpy as np

from data.store import NewReference, Store
from detector.signals import Box, FaceQuality, SignalId, SignalKind

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")


def main(url: str, prefix: str, count: int) -> None:
    with Store.open(url, clock=lambda: datetime.now(UTC)) as store:
        acknowledge("ready")
        for number in range(count):
            talent = store.talents.add(f"{prefix}-{number}", f"Person {number}")
            acknowledge("talent", talent.id)
            first, second = (
                store.references.add(talent.id, reference(prefix, number, side)) for side in "ab"
            )
            acknowledge("references", first.id, second.id)
            if number % 3 == 0:
                store.references.remove(first.id)
                acknowledge("removed", first.id)


def acknowledge(*words: str) -> None:
    print(*words, flush=True)  # noqa: T201 - the acknowledgement


def reference(prefix: str, number: int, side: str) -> NewReference:
    return NewReference(
        picture=f"{prefix} {number} {side}".encode() * 50,
        source=f"{number}{side}.jpg",
        box=Box(0, 0, 10, 10),
        landmarks=((0, 0),) * 5,
        quality=FaceQuality(1, 60, 10, 0),
        signals={FACE: np.full(128, number, dtype=np.float32)},
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
