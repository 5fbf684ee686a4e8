"""How common a talent's template is: how much it resembles people in general, so that thresholds fit the talent.

    a population's vectors ─ mean, covariance ─▶ Commonness ─ of a template ─▶ taken off every score of that talent

The cosines of one template with many people have a mean and a deviation of their own: a face near the middle of all
faces resembles everybody a little, and strangers reach it more easily. What it exceeds the usual by is taken off the
talent's scores, what it falls short by is added, but no more than `MOST_ADDED`: a template far from the population that
was measured (another origin, age, or style) would otherwise get a threshold that its own kind easily reaches. It
depends on nobody else in the registry, and only sums over the population are kept, nobody's vector. Measured in
docs/thresholds.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DEVIATIONS = 3.0
"""How far into the tail of the population a template is compared: about one in a thousand."""

MOST_ADDED = 0.05
"""The most, in cosine, that a rare template's scores are raised by."""


@dataclass(frozen=True, slots=True, eq=False)
class Commonness:
    """mean: of the population's unit vectors, shape (d,). covariance: shape (d, d). typical: what templates have on
    average, so that the usual one is neither raised nor lowered."""

    mean: Floats
    covariance: Floats
    typical: float = 0.0

    @classmethod
    def measured(cls, vectors: Floats, templates: Floats) -> Commonness:
        """From the vectors of many people, one of each, (n, d), and the templates of some talents, (m, d)."""
        mean = vectors.mean(axis=0, dtype=np.float64)
        covariance = np.cov(vectors.astype(np.float64), rowvar=False)
        raw = cls(np.asarray(mean, np.float32), np.asarray(covariance, np.float32))
        return replace(raw, typical=round(float(raw._reached(templates).mean()), 4))

    def of(self, templates: Floats) -> Floats:
        """Of each template, (n, d) of unit length: the cosine that few of the population exceed, less the usual one."""
        return np.asarray(np.maximum(self._reached(templates) - self.typical, -MOST_ADDED), np.float32)

    def _reached(self, templates: Floats) -> Floats:
        variance = np.einsum("nd,de,ne->n", templates, self.covariance, templates)
        return np.asarray(templates @ self.mean + DEVIATIONS * np.sqrt(np.maximum(variance, 0.0)), np.float32)
