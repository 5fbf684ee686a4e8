"""Who is found: our score beside the peer's, on the same pictures in the same run.

    python -m benchmarks.identification ../shared/eval [--cache FOLDER]

The peer is what the popular libraries do: the cosine to the best single reference, one pass of the network,
every face found. Rows between show what each step adds. Faces are extracted once and kept in the cache
folder."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.evaluation import (
    Evaluation,
    FaceTable,
    Floats,
    Gallery,
    Probe,
)
from benchmarks.figures import Figure, Result, heading
from benchmarks.scoring import Matcher, Outcome, outcomes, raw_scores, report
from data.calibration import read_tables
from detector.calibration import FaceCalibration
from detector.faces.sface import SIGNAL

RATES = (0.01, 0.003)
HEAD = "score                                    | FPIR 1 %: FNIR lfw, all real, photoreal found | FPIR 0.3 %: same"


def main() -> None:
    options = _options()
    print(heading(options))
    started = time.monotonic()
    seen = Evaluation.load(options.folder, options.cache)
    table, gallery = seen.table, seen.gallery
    print(
        f"{len(table.faces)} pictures, {len(table.picture)} faces, {int(table.usable.sum())} usable, "
        f"{len(gallery.talents)} talents, {len(gallery.rows)} references, {time.monotonic() - started:.0f} s"
    )
    print(HEAD)
    rows = []
    for name, found in _rows(table, gallery, read_tables().face(SIGNAL), seen.probes):
        print(f"{name:40s} | " + " | ".join(_cells(found, fpir) for fpir in RATES))
        rows.append(found)
    if options.json:
        named = {"peer: best reference, one pass": rows[0], "ours": rows[-1]}
        series = {"det_real": _curves(named, "real"), "det_replicas": _curves(named, "photoreal")}
        figures = _figures(rows[-1], rows[0])
        Result.of("identification", options, figures, series).write(options.json)


def _figures(ours: list[Outcome], peer: list[Outcome]) -> Iterator[Figure]:
    """Ours and the peer's, with the goals that are set on other pictures."""
    for fpir, fnir, found in ((0.01, 0.005, 0.97), (0.003, 0.009, 0.93)):
        one, other = report(ours, fpir), report(peer, fpir)
        at, name = f"at FPIR {fpir:.1%}", "best reference"
        yield Figure(f"FNIR, LFW, {at}", one.missed_lfw, "share", "at most", fnir, other.missed_lfw, name)
        yield Figure(
            f"FNIR, all real, {at}", one.missed_real, "share", "at most", None, other.missed_real, name
        )
        figure = Figure(f"photoreal replicas found {at}", one.photoreal_found, "share", "at least", found)
        yield replace(figure, peer=other.photoreal_found, peer_name=name)


def _curves(named: Mapping[str, list[Outcome]], kind: str) -> dict[str, dict[str, list[float]]]:
    """Per name the shares missed at rates of false hits from 0.1 to 10 %."""
    rates = [round(float(rate), 5) for rate in np.geomspace(0.001, 0.1, 41)]
    curves = {}
    for name, found in named.items():
        reports = [report(found, rate) for rate in rates]
        missed = [one.missed_real if kind == "real" else 1 - one.photoreal_found for one in reports]
        curves[name] = {"fpir": rates, "fnir": [round(float(share), 5) for share in missed]}
    return curves


def _rows(
    table: FaceTable, gallery: Gallery, calibration: FaceCalibration, probes: list[Probe]
) -> Iterator[tuple[str, list[Outcome]]]:
    plain, ones = table.plain, table.quality * 0 + 1

    def every(matrix: Floats) -> list[Outcome]:
        return outcomes(probes, raw_scores(table, gallery, matrix))

    yield "peer: best reference, plain, every face", every(gallery.best(plain))
    yield "best reference, mirror averaged", every(gallery.best(table.vectors))
    yield "mean template, mirror averaged", every(gallery.template(table.vectors, ones))
    yield "mean template weighted by quality", every(gallery.template(table.vectors, table.quality))
    ours = calibration.template_weight
    for weight in (0.0, 0.5, ours, 1.0):
        plainer = replace(calibration, template_weight=weight, commonness=None)
        yield f"usable faces, template weight {weight}", outcomes(probes, Matcher.of(table, gallery, plainer))
    yield f"ours (weight {ours}, less commonness)", outcomes(probes, Matcher.of(table, gallery, calibration))


def _cells(found: list[Outcome], fpir: float) -> str:
    at = report(found, fpir)
    hits = ", ".join(f"{name} {count}" for name, count in at.false_hits.items())
    rates = f"{at.missed_lfw:7.2%} {at.missed_real:7.2%} {at.photoreal_found:7.1%}"
    return f"{rates}  threshold {at.threshold:6.3f}, false hits: {hits}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lookalike" / "benchmarks")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
