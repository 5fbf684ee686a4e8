"""Small real pieces for the tests of scans and reports: findings, rows, pictures, and a detector that needs
no network.

`here` is a whole installation whose people are colours (`tests.api.colours`).

`FlatDetector` implements what the runner asks of a detector. It really decodes; what it finds follows from
the picture: a mostly red one holds the talent `ana`, any other holds nobody. So tests know every verdict
without any weights.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.composition import Parts
from data.weights import WeightsCache
from detector.decision import Considered, Decision, Reason, Severity, Verdict
from detector.decoding import DecodeLimits, decode
from detector.errors import InputError
from detector.finding import CopyFinding, FaceFinding, Finding, Row, to_row
from detector.imagery import DecodedImage
from detector.matches import Band, CopyClass, CopyMatch, FaceMatch, ScoredCandidate
from detector.pipeline import Submission
from detector.proofs import Proof
from detector.signals import Box, FaceQuality, SignalId, SignalKind, SignalSet
from detector.use import Use
from tests.api.colours import BLUE, DARK, GREEN, GREY, NOW, RED, Colour, ColourExtractor, Installation

LOCAL = SignalId(SignalKind.LOCAL, "rootsift", "1", "grey")
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
FACE = SignalId(SignalKind.FACE, "sface", "2021dec", "align112")
HASH = SignalId(SignalKind.HASH, "phash", "4.3", "gray32")
SIGNALS = SignalSet(FACE, None, (HASH,), {SignalKind.IMAGE: "the extra `clip` is not installed"})
REFS = {"tal_ana": "ana", "tal_bo": "bo"}


def decision(
    verdict: Verdict = Verdict.NO_CONSENT,
    severity: Severity = Severity.HIGH,
    talent: str | None = "tal_ana",
    detail: str = "only a photo licence is on record",
) -> Decision:
    considered = Considered(
        "con_1", 2, "photo_use", "active", False, (Reason("kind", "not a replica licence"),)
    )
    reason = Reason("photo_licence_only", detail)
    return Decision(
        verdict,
        "photo_licence_only",
        severity,
        11,
        (reason,),
        (considered,) if talent else (),
        AT,
        "ab" * 32,
        talent,
    )


NOBODY = Decision(
    Verdict.NO_MATCH, None, Severity.NONE, 2, (Reason("no_match", "nobody registered"),), (), AT, "cd" * 32
)


def face(talent: str | None = "tal_ana", x: float = 10, verdict: Decision | None = None) -> FaceFinding:
    listed = (
        ScoredCandidate("tal_ana", "ref_1", FACE, 0.71, 9.5, Band.MATCH),
        ScoredCandidate("tal_bo", "ref_2", FACE, 0.21, -4.0, Band.NO_MATCH),
    )
    assigned = next((each for each in listed if each.talent_id == talent), None)
    match = FaceMatch(listed, assigned, 13.5, (), True)
    quality = FaceQuality(0.9, 44.0, 120.0, 0.05)
    points = ((15.0, 20.0), (25.0, 20.0), (20.0, 25.0), (16.0, 30.0), (24.0, 30.0))
    chosen = verdict or (decision(talent=talent) if talent else NOBODY)
    return FaceFinding(Box(x, 10, 30, 40), points, 0.93, quality, match, listed, chosen)


def copy() -> CopyFinding:
    match = CopyMatch("tal_ana", "ref_1", HASH, 0.97, 6.0, Band.MATCH, CopyClass.ROUTINE_EDIT)
    return CopyFinding(match, decision())


def cropped() -> CopyFinding:
    """The left half of a reference, turned a little, in the right half of the picture."""
    half = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    proof = Proof(61, 0.93, 0.0, True, -4.2, half, left, 0.5, 0.5, 0.97, Box(0.6, 0.1, 0.2, 0.3), 0)
    match = CopyMatch("tal_ana", "ref_1", LOCAL, 0.93, 12.2, Band.MATCH, CopyClass.EMBEDDED, proof)
    return CopyFinding(match, decision())


def finding(source: str = "/shop/a b.jpg", **changes: object) -> Finding:
    """A picture of one talent without consent, and a stranger beside her."""
    base = Finding(
        source=source,
        sha256="0f" * 32,
        use=Use(client="Acme"),
        as_of=AT,
        signals=SIGNALS,
        width=100,
        height=80,
        faces=(face(), face(None, x=60)),
        copies=(copy(),),
        decision=decision(),
        thresholds={str(FACE): 4.2, str(HASH): 0.9},
    )
    return replace(base, **changes)  # type: ignore[arg-type] # a test gives any field


def failed(source: str = "/shop/broken.jpg", code: str = "truncated") -> Finding:
    return Finding(source, None, Use(), AT, SIGNALS, InputError("the file ends too early", code=code))


def nobody(source: str = "/shop/nobody.jpg") -> Finding:
    return finding(source, faces=(), copies=(), decision=NOBODY)


def row(made: Finding) -> Row:
    return to_row(made, REFS)


def jpeg(colour: tuple[int, int, int] = (200, 20, 20), size: tuple[int, int] = (100, 80)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def refs_of(talents: Collection[str]) -> Mapping[str, str]:
    return {talent: REFS[talent] for talent in talents}


class FlatDetector:
    """Decodes for real; finds `ana` in pictures that are mostly red. `batches` remembers the sizes it was
    given."""

    def __init__(self, break_on: Callable[[Submission], bool] = lambda submission: False) -> None:
        self.batches: list[int] = []
        self._break_on = break_on

    def detect(self, batch: Sequence[Submission], at: datetime) -> list[Finding]:
        self.batches.append(len(batch))
        return [self._one(submission, at) for submission in batch]

    def _one(self, submission: Submission, at: datetime) -> Finding:
        if self._break_on(submission) and isinstance(submission.data, bytes):
            raise ZeroDivisionError(submission.source)
        picture = self._decode(submission)
        if isinstance(picture, InputError):
            return Finding(
                submission.source, None, submission.use, at, SIGNALS, picture, extra=submission.extra
            )
        red = np.asarray(picture.pixels)[..., 0].mean() > np.asarray(picture.pixels)[..., 1].mean() + 50
        made = finding(submission.source) if red else nobody(submission.source)
        return replace(made, sha256=picture.sha256, use=submission.use, as_of=at, extra=submission.extra)

    def _decode(self, submission: Submission) -> DecodedImage | InputError:
        if isinstance(submission.data, InputError):
            return submission.data
        try:
            return decode(submission.data, DecodeLimits(), source=submission.source)
        except InputError as error:
            return error


@pytest.fixture(scope="session")
def made() -> type:
    """The builders above, as one namespace: test modules cannot import a conftest."""
    names = {
        "at": AT,
        "signals": SIGNALS,
        "face_signal": FACE,
        "decision": staticmethod(decision),
        "face": staticmethod(face),
        "copy": staticmethod(copy),
        "cropped": staticmethod(cropped),
        "finding": staticmethod(finding),
        "failed": staticmethod(failed),
        "nobody": staticmethod(nobody),
        "row": staticmethod(row),
        "jpeg": staticmethod(jpeg),
        "refs_of": staticmethod(refs_of),
        "FlatDetector": FlatDetector,
    }
    return type("Made", (), names)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An empty installation; the current folder is its folder."""
    for name in [name for name in os.environ if name.startswith("LOOKALIKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOOKALIKE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LOOKALIKE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "1")
    monkeypatch.setenv("LOOKALIKE_SERVE_JOBS", "0")
    monkeypatch.chdir(tmp_path)

    def extractor(settings: object, weights: WeightsCache) -> ColourExtractor:
        return ColourExtractor()

    return Installation(tmp_path, Parts(clock=lambda: NOW, extractor=extractor))


@pytest.fixture
def colours() -> dict[str, Colour]:
    """Names of the colours that are people, and of those that are nobody."""
    return {"red": RED, "blue": BLUE, "green": GREEN, "grey": GREY, "dark": DARK}


@pytest.fixture
def enrolled(here: Installation, colours: dict[str, Colour]) -> Callable[[str, str], str]:
    """Registers a talent with one picture; gives back its id."""

    def enrol(ref: str, colour: str) -> str:
        row = here.json("talent", "add", ref, f"Name of {ref}")
        here.run(
            "enroll", ref, here.picture(f"{ref}.png", colours[colour]), "--release-signed-at", "2026-01-01"
        )
        return str(row["id"])

    return enrol
