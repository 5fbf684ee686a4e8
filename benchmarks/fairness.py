"""How the errors differ between groups of people, at the product's own thresholds.

    python -m benchmarks.fairness ../shared/eval [--groups benchmarks/groups.csv] [--cache FOLDER] [--seed 1]

    labels ─▶ groups of talents ─ their real pictures ─▶ missed · taken for another of the group · hits anybody

Labels are a file of their own (docs/fairness.md says how they came about): `key,sex,origin`, the key being the first
twelve hex digits of the SHA-256 of the talent's name in the roster, so that the repository lists nobody. Intervals are
95 %, by drawing talents, not pictures: pictures of one person are not independent."""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation import (
    Evaluation,
    FaceTable,
    Floats,
    Gallery,
    Probe,
)
from benchmarks.figures import Figure, Result, heading
from data.calibration import read_tables
from detector.calibration import FaceCalibration
from detector.faces.sface import SIGNAL

ASKED = (0.01, 0.003)
PICTURES = 10
"""Pictures of one talent that are used; a president with five hundred would be the group."""
DRAWS = 2000

Talents = NDArray[np.bool_]
"""For each talent of the gallery, whether they are in the group."""


@dataclass(frozen=True, eq=False)
class Group:
    name: str
    talents: Talents


@dataclass(frozen=True, eq=False)
class Seen:
    """A real picture of one registered talent. scores: of its largest face with each talent; None when that face is not
    usable."""

    talent: int
    scores: Floats | None


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with its interval. events of tries; talents: whose pictures the events are."""

    events: int
    tries: int
    talents: int
    low: float
    high: float

    def __str__(self) -> str:
        rate = self.events / self.tries if self.tries else float("nan")
        interval = f"{_short(self.low)}–{_short(self.high)}"
        return f"{self.events} of {self.tries:,} = {_short(rate)} ({interval}), by {self.talents} talents"


def _short(rate: float) -> str:
    return f"{rate:.2%}" if rate == 0 or rate >= 1e-3 else f"{rate:.1e}"


def read_groups(file: Path, talents: Sequence[str]) -> list[Group]:
    """Men and women of everywhere else, and of East Asia; whoever has no label is in none."""
    with file.open(newline="", encoding="utf-8") as lines:
        labels = {row["key"]: (row["sex"], row["origin"]) for row in csv.DictReader(lines)}
    found = [labels.get(key(talent)) for talent in talents]
    named = {
        "men": ("man", ""),
        "women": ("woman", ""),
        "men of East Asia": ("man", "east-asia"),
        "women of East Asia": ("woman", "east-asia"),
    }
    return [Group(name, np.array([label == wanted for label in found])) for name, wanted in named.items()]


def key(talent: str) -> str:
    return hashlib.sha256(talent.encode()).hexdigest()[:12]


def look(
    table: FaceTable, gallery: Gallery, probes: Sequence[Probe], calibration: FaceCalibration
) -> list[Seen]:
    """At most PICTURES real pictures of each registered talent, of those that show one talent only."""
    scores = gallery.scores(calibration.template_weight, calibration.commonness)
    places = {talent: place for place, talent in enumerate(gallery.talents)}
    counted: dict[str, int] = {}
    seen = []
    for probe in probes:
        (talent, *others) = sorted(probe.truth) or [""]
        if probe.kind != "real" or others or talent not in places:
            continue
        counted[talent] = counted.get(talent, 0) + 1
        if counted[talent] <= PICTURES:
            row = table.enrolled(probe.image)
            usable = row is not None and bool(table.usable[row])
            seen.append(Seen(places[talent], scores[row] if usable else None))
    return seen


def missed(seen: Sequence[Seen], threshold: float) -> list[tuple[int, int]]:
    """Per picture (1, 1) when its talent is not found or not the strongest, else (0, 1)."""
    return [(int(not _found(one, threshold)), 1) for one in seen]


def _found(one: Seen, threshold: float) -> bool:
    if one.scores is None:
        return False
    own = float(one.scores[one.talent])
    return own >= threshold and own >= float(one.scores.max())


def confused(seen: Sequence[Seen], group: Group, threshold: float) -> list[tuple[int, int]]:
    """Per picture how many other talents of the group it hits, of how many."""
    return [_hits(one, group.talents, threshold) for one in seen]


def _hits(one: Seen, others: Talents, threshold: float) -> tuple[int, int]:
    if one.scores is None:
        return 0, 0
    asked = others.copy()
    asked[one.talent] = False
    return int((one.scores[asked] >= threshold).sum()), int(asked.sum())


def unregistered(seen: Sequence[Seen], threshold: float) -> list[tuple[int, int]]:
    """Per picture whether it would hit anybody, were its own talent not registered."""
    everybody = np.ones(len(seen[0].scores) if seen and seen[0].scores is not None else 0, np.bool_)
    hits = (_hits(one, everybody, threshold) for one in seen if one.scores is not None)
    return [(int(count > 0), 1) for count, _ in hits]


def _reached(seen: Sequence[Seen], group: Group) -> float:
    """The score that one in a thousand of the group's other talents exceeds."""
    others = [
        np.delete(one.scores, one.talent)[np.delete(group.talents, one.talent)]
        for one in seen
        if one.scores is not None
    ]
    return float(np.quantile(np.concatenate(others), 0.999))


def rate(seen: Sequence[Seen], counts: Sequence[tuple[int, int]], seed: int) -> Rate:
    """Over all pictures; the interval by drawing talents with replacement. Without an event its upper end is three
    in so many tries as there would be with one picture of each talent (the rule of three)."""
    talents = sorted({one.talent for one in seen})
    sums = np.zeros((len(talents), 2))
    for one, count in zip(seen, counts, strict=True):
        sums[talents.index(one.talent)] += count
    events, tries = (int(total) for total in sums.sum(axis=0))
    if not events:
        return Rate(0, tries, 0, 0.0, min(1.0, 3 * len(seen) / max(1, tries * len(talents))))
    drawn = np.random.default_rng(seed).integers(0, len(talents), (DRAWS, len(talents)))
    rates = sums[drawn].sum(axis=1)
    low, high = np.quantile(rates[:, 0] / np.maximum(1, rates[:, 1]), [0.025, 0.975])
    return Rate(events, tries, int((sums[:, 0] > 0).sum()), float(low), float(high))


def lines(
    seen: Sequence[Seen], groups: Sequence[Group], thresholds: Mapping[float, float], seed: int
) -> Iterator[str]:
    for group in groups:
        own = [one for one in seen if group.talents[one.talent]]
        sharp = [one for one in own if one.scores is not None]
        if not sharp:
            continue
        people, registered = len({one.talent for one in own}), int(group.talents.sum())
        yield f"{group.name}: {people} talents with {len(own)} pictures, of {registered} registered; others of the group"
        yield f"  reach {_reached(sharp, group):.3f} in one of a thousand comparisons"
        for asked, at in thresholds.items():
            yield f"  FPIR {asked:.1%} (from {at:.3f} on): missed {rate(own, missed(own, at), seed)}"
            yield f"    another of the group {rate(own, confused(own, group, at), seed)}"
            yield f"    anybody, were they not registered {rate(sharp, unregistered(sharp, at), seed)}"


def main() -> None:
    options = _options()
    print(heading(options))
    found = Evaluation.load(options.folder, options.cache)
    gallery, calibration = found.gallery, read_tables().face(SIGNAL)
    groups = read_groups(options.groups, gallery.talents)
    score_of = calibration.strength.inverse()
    thresholds = {asked: score_of(calibration.threshold(asked, len(gallery.talents))) for asked in ASKED}
    labelled = sum(int(group.talents.sum()) for group in groups)
    print(f"{len(gallery.talents)} talents, {labelled} labelled; at most {PICTURES} pictures of each")
    seen = look(found.table, gallery, found.probes, calibration)
    for line in lines(seen, groups, thresholds, options.seed):
        print(line, flush=True)
    if options.json:
        figures = _figures(seen, groups, thresholds, options.seed)
        Result.of("fairness", options, figures).write(options.json)


def _figures(
    seen: Sequence[Seen], groups: Sequence[Group], thresholds: Mapping[float, float], seed: int
) -> Iterator[Figure]:
    """The misses of each group; no goal is set for a difference."""
    for group in groups:
        own = [one for one in seen if group.talents[one.talent]]
        for asked, at in thresholds.items() if own else ():
            found = rate(own, missed(own, at), seed)
            share = found.events / max(1, found.tries)
            yield Figure(
                f"missed, {group.name}, FPIR {asked:.1%} ({found.tries} pictures)", share, "share", "at most"
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--groups", type=Path, default=Path(__file__).with_name("groups.csv"))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lookalike" / "benchmarks")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
