"""A store on a real SQLite file, a clock that is set by hand, and references made of chosen numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from data.store import NewReference, Store
from detector.signals import Box, FaceQuality, SignalId, SignalKind

FACE = SignalId(SignalKind.FACE, "sface", "1", "112")
HASH = SignalId(SignalKind.HASH, "phash", "1", "64")


@dataclass
class SetClock:
    """Shows the time it was set to, a second later at each look."""

    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'store.sqlite3'}"


@pytest.fixture
def store(store_url: str, clock: SetClock) -> Iterator[Store]:
    with Store.open(store_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def new_reference() -> Callable[..., NewReference]:
    return make_reference


def make_reference(picture: bytes = b"picture", number: float = 1.0) -> NewReference:
    vector = np.array([number, 0, 0, 0.5], dtype=np.float32)
    codes = np.arange(8, dtype=np.uint8)
    return NewReference(
        picture=picture,
        source=f"/shoots/{picture!r}.jpg",
        box=Box(1.5, 2, 30, 40),
        landmarks=((1, 2), (3, 4), (5, 6.25), (7, 8), (9, 10)),
        quality=FaceQuality(0.75, 60, 12.5, -0.1, ("soft",)),
        signals={FACE: vector, HASH: codes},
        detection_score=0.93,
    )
