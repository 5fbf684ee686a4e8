"""Make the calibration table of the face signal, and check on other people that it keeps what it promises.

    python -m benchmarks.calibrate ../shared/eval [--cache FOLDER] [--write data/calibration/sface-2021dec.json]

    strangers ─▶ commonness
    comparisons, less commonness ─ logistic fit ─▶ strength ─ tail of other people ─▶ false match rate

Checked by halves of the people: fitted on one half, the rates asked for are measured on the other, and the other way
round. Checked over registry sizes: galleries drawn at random, the rate asked for beside the rate measured.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.evaluation import (
    FaceTable,
    Gallery,
    Pairs,
    Probe,
    load_faces,
    read_gallery,
    read_probes,
)
from benchmarks.scoring import Matcher, false_positives, missed, outcomes
from data.calibration import read_tables, table_text
from detector.calibration import FaceCalibration
from detector.commonness import Commonness
from detector.faces.sface import SIGNAL
from detector.fitting import Comparisons, fit

ASKED = (0.01, 0.003)
PICTURES = 2
"""Pictures of one person that are compared with other people's talents."""
SIZES = (20, 50, 100)
DRAWS = 20


def compare(
    table: FaceTable,
    gallery: Gallery,
    probes: Sequence[Probe],
    template_weight: float,
    commonness: Commonness | None,
) -> Comparisons:
    """LFW probes. Of each picture the largest face only: who else is in it is not known. Others are compared with few
    pictures of one person, so that five hundred of one president and his look-alike don't make the tail."""
    scores = gallery.scores(template_weight, commonness)
    places = {talent: place for place, talent in enumerate(gallery.talents)}
    mated, impostor = [], []
    pictures: Counter[str] = Counter()
    for probe in probes:
        row = table.enrolled(probe.image)
        if probe.group != "lfw" or row is None or not table.usable[row]:
            continue
        own = [places[talent] for talent in probe.truth if talent in places]
        mated.append(scores[row, own])
        pictures[probe.person] += 1
        if pictures[probe.person] <= PICTURES:
            impostor.append(np.delete(scores[row], own))
    return Comparisons(np.concatenate(mated), np.concatenate(impostor))


def fit_all(
    table: FaceTable, gallery: Gallery, probes: Sequence[Probe], template_weight: float
) -> tuple[FaceCalibration, Comparisons]:
    """Commonness first, then the scores that it leaves."""
    templates = gallery.templates(table.vectors, table.quality)
    commonness = Commonness.measured(table.strangers(probes), templates)
    found = compare(table, gallery, probes, template_weight, commonness)
    return replace(fit(SIGNAL, found, template_weight), commonness=commonness), found


def check_halves(table: FaceTable, pairs: Pairs, probes: Sequence[Probe], weight: float) -> Iterator[str]:
    """Fitted on one half of the people, measured on the other."""
    people = sorted({probe.person for probe in probes} | {talent for talent, _ in pairs})
    for seed in range(5):
        chosen = set(random.Random(seed).sample(people, len(people) // 2))  # noqa: S311  # a split, no secret
        for first in (chosen, set(people) - chosen):
            fitted, _ = fit_all(table, *_part(table, pairs, probes, first), weight)
            gallery, others = _part(table, pairs, probes, set(people) - first)
            yield f"split {seed}, {len(gallery.talents)} talents: " + _measured(
                table, gallery, others, fitted
            )


def check_sizes(
    table: FaceTable, pairs: Pairs, probes: Sequence[Probe], fitted: FaceCalibration
) -> Iterator[str]:
    """The rate asked for, over galleries of other sizes."""
    talents = sorted({talent for talent, _ in pairs})
    for size in (*SIZES, len(talents)):
        rates = []
        for seed in range(DRAWS if size < len(talents) else 1):
            drawn = set(random.Random(seed).sample(talents, size))  # noqa: S311
            gallery = Gallery.of(table, [pair for pair in pairs if pair[0] in drawn])
            found = outcomes([probe for probe in probes if probe.street], Matcher.of(table, gallery, fitted))
            rates.append([false_positives(found, fitted.threshold(fpir, size)) for fpir in ASKED])
        mean = np.mean(rates, axis=0)
        yield f"{size:4d} talents: " + ", ".join(
            f"asked {asked:.1%} measured {rate:.2%}" for asked, rate in zip(ASKED, mean, strict=True)
        )


def _part(
    table: FaceTable, pairs: Pairs, probes: Sequence[Probe], people: set[str]
) -> tuple[Gallery, list[Probe]]:
    kept = [pair for pair in pairs if pair[0] in people]
    return Gallery.of(table, kept), [probe for probe in probes if probe.person in people]


def _measured(table: FaceTable, gallery: Gallery, probes: Sequence[Probe], fitted: FaceCalibration) -> str:
    found = outcomes(probes, Matcher.of(table, gallery, fitted))
    mated = [item for item in found if item.probe.truth and item.probe.group == "lfw"]
    thresholds = [fitted.threshold(fpir, len(gallery.talents)) for fpir in ASKED]
    return ", ".join(
        f"asked FPIR {asked:.1%} measured {false_positives(found, at):.2%} FNIR {missed(mated, at):.2%}"
        for asked, at in zip(ASKED, thresholds, strict=True)
    )


def as_json(fitted: FaceCalibration, found: Comparisons, talents: int, references: int) -> str:
    made = {
        "date": date.today().isoformat(),  # noqa: DTZ011  # the day of this run, for people to read
        "how": "python -m benchmarks.calibrate: linear logistic fit with equal class weights; the false match rate is "
        "read off the impostor comparisons and goes on along a straight line in its logarithm",
        "pictures": "Labeled Faces in the Wild (LFW, deep-funneled), largest face of each picture, usable faces "
        "only; at most two pictures of a person against others; commonness from the people who are not registered",
        "talents": talents,
        "references": references,
        "mated": len(found.mated),
        "impostor": len(found.impostor),
    }
    return table_text(fitted, made)


def main() -> None:
    options = _options()
    probes, pairs = read_probes(options.folder), read_gallery(options.folder)
    images = list(dict.fromkeys([*(image for _, image in pairs), *(probe.image for probe in probes)]))
    table = load_faces(options.folder, images, options.cache)
    gallery, weight = Gallery.of(table, pairs), options.template_weight
    fitted, found = fit_all(table, gallery, probes, weight)
    for size, thresholds in fitted.table((50, 100, 268, 411, 1000, 10_000), (0.05, *ASKED)):
        scores = ", ".join(f"{fitted.strength.inverse()(at):.3f}" for at in thresholds)
        print(f"{size:6d} talents: score at FPIR 5 %, 1 %, 0.3 %: {scores}")
    for line in (*check_sizes(table, pairs, probes, fitted), *check_halves(table, pairs, probes, weight)):
        print(line, flush=True)
    if options.write:
        options.write.write_text(
            as_json(fitted, found, len(gallery.talents), len(gallery.rows)), encoding="utf-8"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lookalike" / "benchmarks")
    parser.add_argument("--template-weight", type=float, default=read_tables().face(SIGNAL).template_weight)
    parser.add_argument("--write", type=Path, help="where to keep the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
