"""Does similarity tell a replica from a photograph? Real pictures of talents beside photoreal AI replicas of them.

    python -m benchmarks.replicas ../shared/eval [--cache FOLDER]

    usable faces of known truth ─▶ cosine to the nearest reference · its lead over the mean template ─▶ how far apart

The idea under test: an image made from one reference is nearer to it than any other photograph is. Figures:
quantiles; the chance that a replica has more of it than a real picture (0.5: it says nothing); and the replicas above
nearly all real ones."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.evaluation import (
    Evaluation,
    FaceTable,
    Floats,
    Gallery,
    Probe,
)
from benchmarks.figures import heading

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
HIGH = 0.95
"""Replicas are counted above so many of the real pictures."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One row per picture. talents: whose; nearest: cosine to the nearest reference; lead: that less the cosine to the
    mean template, not a number for talents with one reference."""

    talents: tuple[str, ...]
    nearest: Floats
    lead: Floats

    @property
    def several(self) -> Measured:
        """Those of talents with more than one reference."""
        kept = np.flatnonzero(~np.isnan(self.lead))
        return Measured(tuple(self.talents[at] for at in kept), self.nearest[kept], self.lead[kept])


def measure(table: FaceTable, gallery: Gallery, probes: Sequence[Probe]) -> Measured:
    """Of each picture the usable face that is most like its talent; of pictures with one talent."""
    nearest = gallery.best(table.vectors)
    lead = nearest - gallery.template(table.vectors, table.quality)
    single = np.diff([*gallery.starts, len(gallery.rows)]) == 1
    places = {talent: place for place, talent in enumerate(gallery.talents)}
    rows = []
    for probe in probes:
        faces = table.faces[probe.image]
        faces = faces[table.usable[faces]]
        if len(probe.truth) == 1 and len(faces):
            (talent,) = probe.truth
            place = places[talent]
            face = faces[nearest[faces, place].argmax()]
            rows.append((talent, nearest[face, place], np.nan if single[place] else lead[face, place]))
    talents, near, leads = zip(*rows, strict=True)
    return Measured(talents, np.array(near), np.array(leads))


def more_often(replicas: Floats, real: Floats) -> float:
    """The chance that a replica drawn at random has more than a real picture drawn at random."""
    return float(np.searchsorted(np.sort(real), replicas).mean() / len(real))


def lines(real: Measured, replicas: Measured) -> Iterator[str]:
    for name, values in (("real", real), ("replicas", replicas)):
        yield f"{name}: {len(values.talents)} pictures of {len(set(values.talents))} talents"
    yield from _compared("cosine to the nearest reference", real, replicas, "nearest")
    yield from _compared("its lead over the mean template", real.several, replicas.several, "lead")


def _compared(title: str, real: Measured, replicas: Measured, column: str) -> Iterator[str]:
    ours, theirs = getattr(real, column), getattr(replicas, column)
    yield f"{title} ({len(ours)} real, {len(theirs)} replicas of {len(set(replicas.talents))} talents)"
    for name, values in (("real", ours), ("replicas", theirs)):
        yield f"  {name} at {QUANTILES}: " + ", ".join(
            f"{value:.3f}" for value in np.quantile(values, QUANTILES)
        )
    high = theirs > np.quantile(ours, HIGH)
    whose = {talent for talent, above in zip(replicas.talents, high, strict=True) if above}
    yield f"  a replica has more than a real picture: {more_often(theirs, ours):.3f}"
    yield f"  above {HIGH:.0%} of the real: {int(high.sum())} replicas = {high.mean():.1%}, of {len(whose)} talents"


def main() -> None:
    options = _options()
    print(heading(options))
    found = Evaluation.load(options.folder, options.cache)
    real, made = (
        measure(found.table, found.gallery, [probe for probe in found.probes if probe.kind == kind])
        for kind in ("real", "replica-photoreal")
    )
    print("\n".join(lines(real, made)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lookalike" / "benchmarks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
