"""Calibration: from a raw similarity to a strength, and from a false-positive rate to a threshold.

    candidate ─ score ─▶ one number ─ strength ─▶ log-likelihood ratio ─ compare ─ threshold(fpir, N)

A table belongs to one signal id: another network, revision or preprocessing has other distributions, so
looking a table up under another id is an error. The tables are measured (`lookalike` ships them in
data/calibration, each with how it was made); this module only reads them off. Nothing here is a constant of
the algorithm, and nothing here does input or output.

Thresholds are asked for as a false-positive identification rate (FPIR): how often a face of nobody
registered may hit *somebody* among N talents. With f the false match rate of a single comparison, FPIR = 1
- (1 - f)^N, so a registry that grows needs a stricter f for the same FPIR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from detector.commonness import Commonness
from detector.errors import UsageError
from detector.signals import SignalId

Knots = tuple[tuple[float, float], ...]
"""Points (x, y) of a strictly monotone piecewise-linear function, x ascending; straight on beyond both
ends."""


def false_match_rate(fpir: float, registry_size: int) -> float:
    """What one comparison may err so that a search among `registry_size` talents errs at `fpir`. Both in
    (0, 1)."""
    if not 0.0 < fpir < 1.0:
        raise UsageError(f"a false-positive identification rate lies between 0 and 1, not {fpir}")
    return -math.expm1(math.log1p(-fpir) / max(1, registry_size))


def identification_rate(false_match: float, registry_size: int) -> float:
    """Inverse of `false_match_rate`: the FPIR of a search among `registry_size` talents."""
    return -math.expm1(registry_size * math.log1p(-false_match))


@dataclass(frozen=True, slots=True)
class Monotone:
    """A strictly monotone piecewise-linear function through `knots`. It has no plateau, so it never makes a
    tie."""

    knots: Knots

    def __post_init__(self) -> None:
        if len(self.knots) < 2:
            raise ValueError("a monotone function needs two knots at least")
        rising = self.knots[1][1] > self.knots[0][1]
        for (x0, y0), (x1, y1) in pairwise(self.knots):
            if not x1 > x0 or y1 == y0 or (y1 > y0) is not rising:
                raise ValueError(f"knots are not strictly monotone between {x0} and {x1}")

    def __call__(self, x: float) -> float:
        (x0, y0), (x1, y1) = self._segment(x)
        return y0 + (x - x0) * (y1 - y0) / (x1 - x0)

    def inverse(self) -> Monotone:
        return Monotone(tuple(sorted((y, x) for x, y in self.knots)))

    def _segment(self, x: float) -> tuple[tuple[float, float], tuple[float, float]]:
        inner = sum(x > knot[0] for knot in self.knots[1:-1])
        return self.knots[inner], self.knots[inner + 1]


@dataclass(frozen=True, slots=True)
class FaceCalibration:
    """The table of one face signal.

    template_weight: share of the mean template in the score, the rest is the nearest reference. strength:
    score to log-likelihood ratio (natural log). log_false_match: strength to the natural log of the false
    match rate of one comparison. made: how, when and on how many pairs, for people to read. commonness: what a talent's
    template resembles people in general by, which scores go without; None: they stay as they are."""

    signal: SignalId
    template_weight: float
    strength: Monotone
    log_false_match: Monotone
    made: str = ""
    commonness: Commonness | None = field(default=None, repr=False, compare=False)

    def score(self, similarity: float, template_similarity: float, commonness: float = 0.0) -> float:
        """commonness: of the talent, by this table's own `commonness`."""
        return similarity + self.template_weight * (template_similarity - similarity) - commonness

    def threshold(self, fpir: float, registry_size: int) -> float:
        """The strength that a face of nobody registered reaches with probability `fpir` among so many
        talents."""
        return self.log_false_match.inverse()(math.log(false_match_rate(fpir, registry_size)))

    def fpir(self, strength: float, registry_size: int) -> float:
        """Inverse of `threshold`: how often a face of nobody registered reaches this strength."""
        return identification_rate(min(1.0 - 1e-12, math.exp(self.log_false_match(strength))), registry_size)

    def table(
        self, registry_sizes: Sequence[int], fpirs: Sequence[float]
    ) -> tuple[tuple[int, tuple[float, ...]], ...]:
        """For people: each registry size with its threshold at each FPIR."""
        return tuple((size, tuple(self.threshold(fpir, size) for fpir in fpirs)) for size in registry_sizes)


LOOKED_AT = 10
"""A reference is looked at when fewer than one in so many times the talents of the registry are so near by chance: with
three references each, under a third of the pictures that are copies of none then have one to look at."""


@dataclass(frozen=True, slots=True)
class CopyCalibration:
    """The table of one copy signal: similarity to strength, and where near and very near begin.

    Similarity is 1 - distance / bits of a hash, the cosine of an image network, the agreement of local features.
    shortlist: from where geometry should look at a reference; never stricter than `near`."""

    signal: SignalId
    strength: Monotone
    near: float
    very_near: float
    made: str = ""
    looser: float | None = None

    @property
    def shortlist(self) -> float:
        return self.near if self.looser is None else self.looser

    def worth_proving(self, similarity: float, registry_size: int) -> bool:
        """Whether geometry should look at a reference that is so near, in a registry of so many talents.

        From `shortlist` on always. In a small registry also below it: there the nearest of the references is seldom so
        near by chance, so that looking costs little and finds the copies that the network hardly recognises."""
        enough = math.log(LOOKED_AT * max(1, registry_size))
        return similarity >= min(self.shortlist, self.near) or self.strength(similarity) >= enough
