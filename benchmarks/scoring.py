"""How a search did on the probes: FNIR at fixed FPIR, replicas found, false hits. The protocol of the
evaluation's own score.py, over arrays instead of a findings file.

A picture scores its strongest candidate over all faces. The threshold is the score that a fraction FPIR of
the street photographs of nobody registered exceeds. A mated picture is missed (FNIR) when its true talent
stays at or below the threshold or is not the strongest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.evaluation import FaceTable, Gallery, Probe
from detector.calibration import FaceCalibration
from detector.candidates import Candidates, FaceCandidate
from detector.matching import MatchPolicy, match
from detector.signals import Box, Face, FaceQuality, Signals, SignalSet

NOBODY = -1e9
Scores = Mapping[str, float]
"""Of one picture: each talent's best score over its faces."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scored probe. true: the best score of a talent in it; top: the best of all; right: they are the
    same."""

    probe: Probe
    true: float
    top: float
    right: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a threshold at one FPIR costs. Rates 0 to 1."""

    fpir: float
    threshold: float
    missed_lfw: float
    missed_real: float
    photoreal_found: float
    false_hits: Mapping[str, int]


def outcomes(probes: Sequence[Probe], scores: Callable[[Probe], Scores]) -> list[Outcome]:
    return [_outcome(probe, scores(probe)) for probe in probes if probe.kind != "skip"]


def _outcome(probe: Probe, scores: Scores) -> Outcome:
    top = max(scores.values(), default=NOBODY)
    true = max((score for talent, score in scores.items() if talent in probe.truth), default=NOBODY)
    return Outcome(probe, true, top, true == top)


def report(found: Sequence[Outcome], fpir: float) -> Report:
    threshold = threshold_at(found, fpir)
    mated = [item for item in found if item.probe.truth]
    photoreal = [item for item in mated if item.probe.kind in ("replica-photoreal", "replica-semi-real")]
    return Report(
        fpir,
        threshold,
        missed([item for item in mated if item.probe.group == "lfw"], threshold),
        missed([item for item in mated if item.probe.kind == "real"], threshold),
        1 - missed(photoreal, threshold),
        _false_hits(found, threshold),
    )


def threshold_at(found: Sequence[Outcome], fpir: float) -> float:
    street = sorted(item.top for item in found if item.probe.street)
    return street[min(len(street) - 1, math.ceil(len(street) * (1 - fpir)) - 1)]


def missed(mated: Sequence[Outcome], threshold: float) -> float:
    """FNIR; not a number when there is no such picture."""
    return 1 - float(np.mean([item.right and item.true > threshold for item in mated])) if mated else math.nan


def false_positives(found: Sequence[Outcome], threshold: float) -> float:
    """FPIR on the street photographs of nobody registered."""
    return float(np.mean([item.top > threshold for item in found if item.probe.street]))


def _false_hits(found: Sequence[Outcome], threshold: float) -> dict[str, int]:
    hits: dict[str, int] = {}
    for item in found:
        if item.probe.kind == "distractor":
            hits[item.probe.group] = hits.get(item.probe.group, 0) + (item.top > threshold)
    return hits


def raw_scores(table: FaceTable, gallery: Gallery, matrix: np.ndarray) -> Callable[[Probe], Scores]:
    """Scores of a peer that searches every face found, whatever its quality."""

    def scores(probe: Probe) -> Scores:
        rows = table.faces[probe.image]
        if not len(rows):
            return {}
        return dict(zip(gallery.talents, matrix[rows].max(axis=0).tolist(), strict=True))

    return scores


@dataclass(frozen=True, eq=False)
class Matcher:
    """Our own rule, as the pipeline runs it: the candidates of a picture's faces through
    `detector.matching.match`."""

    table: FaceTable
    gallery: Gallery
    best: np.ndarray
    template: np.ndarray
    commonness: np.ndarray
    policy: MatchPolicy
    top: int = 20

    @classmethod
    def of(cls, table: FaceTable, gallery: Gallery, calibration: FaceCalibration) -> Matcher:
        best = gallery.best(table.vectors)
        template = gallery.template(table.vectors, table.quality)
        commonness = gallery.commonness(calibration.commonness)
        return cls(table, gallery, best, template, commonness, MatchPolicy(calibration, len(gallery.talents)))

    def __call__(self, probe: Probe) -> Scores:
        rows = self.table.faces[probe.image]
        made_by = SignalSet(self.policy.calibration.signal, None, ())
        signals = Signals(tuple(self._face(int(row)) for row in rows), None, {}, made_by)
        candidates = Candidates(tuple(tuple(self._candidates(int(row))) for row in rows), ())
        best: dict[str, float] = {}
        for face in match(signals, candidates, self.policy).faces:
            for item in face.candidates:
                best[item.talent_id] = max(item.strength, best.get(item.talent_id, NOBODY))
        return best

    def _face(self, row: int) -> Face:
        faults = () if self.table.usable[row] else ("faulty",)
        quality = FaceQuality(float(self.table.quality[row]), 0.0, 0.0, 0.0, faults)
        return Face(Box(0, 0, 1, 1), (), 1.0, quality, self.table.vectors[row])

    def _candidates(self, row: int) -> Iterator[FaceCandidate]:
        best, template = self.best[row], self.template[row]
        listed = {*np.argsort(-best)[: self.top].tolist(), *np.argsort(-template)[: self.top].tolist()}
        for place in sorted(listed):
            yield FaceCandidate(
                self.gallery.talents[place],
                self.gallery.talents[place],
                self.policy.calibration.signal,
                float(best[place]),
                float(template[place]),
                1,
                float(self.commonness[place]),
            )
