"""How alike unrelated pictures and edited copies are to an image network: what its calibration table is read off.

    python -m benchmarks.calibrate_images ../shared/eval sscd.onnx [--side 160] [--write data/calibration]
    python -m benchmarks.calibrate_images ../shared/eval --tower data/tower --references 700 --pictures 200

References, their edited copies (`benchmarks.copy_edits`) and pictures that are copies of none come from the training
side of `training.pictures`' split; nothing else is fitted. The same is then measured on the held-out side with the
table's thresholds: how many copies the shortlist keeps, and how many of the others it sends to the proof. Our own tower
was trained on the training side, so its table is fitted to one half of the held-out people and measured on the other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.copy_edits import EDITS
from benchmarks.figures import heading
from data.weights import manifest
from detector.extractor import Embedder
from detector.imagery import Pixels
from detector.images.panels import panels
from detector.images.square import SSCD_SIDES, SquareNetwork, sscd
from detector.images.tower import open_tower
from training.bases import read_rgb
from training.pictures import BENCHMARK_SETS, Picture, is_held_out, read_pictures

LONGER_SIDE = 512
BYSTANDERS = 120
SHARES = (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
NEAR = 1e-5
KEPT = 0.99
LISTED = 20
RECODED = ("jpeg_20", "quarter_size", "mirror")

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Measured:
    """unrelated: similarities (pictures that are copies of none, references). own: of copies to their originals
    (edits, originals). ranks: how many references are more like a copy than its original is."""

    unrelated: Floats
    own: Floats
    ranks: NDArray[np.int64]


def main() -> None:
    options = _options()
    print(heading(options))
    network, fitting, reporting = _network(options), *_sides(options)
    fitted = measure(network, fitting, options)
    table = table_of(str(network.signal), fitted)
    _report("where the table is from", fitted, table["shortlist"])
    _report("kept apart", measure(network, reporting, options), table["shortlist"])
    if options.write:
        file = options.write / ("tower.json" if options.tower else f"sscd-{options.side}px.json")
        file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _network(options: argparse.Namespace) -> Embedder:
    if options.tower:
        return open_tower(options.tower)
    revision = next(entry.revision for entry in manifest() if entry.name == "sscd")
    return SquareNetwork(options.weights, sscd(revision, options.side))


def _sides(options: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Files to fit to and files to report on, each in a seeded order."""
    pictures = read_pictures(options.folder, BENCHMARK_SETS)
    if options.tower:
        pictures = [one for one in pictures if is_held_out(one)]
    fits = [_in_half(one) if options.tower else not is_held_out(one) for one in pictures]
    return (
        _shuffled(options, [one for one, fit in zip(pictures, fits, strict=True) if fit]),
        _shuffled(options, [one for one, fit in zip(pictures, fits, strict=True) if not fit]),
    )


def _in_half(picture: Picture) -> bool:
    """By identity, or by file where nobody is named."""
    return hashlib.sha256(f"half|{picture.identity or picture.file}".encode()).digest()[0] % 2 == 0


def _shuffled(options: argparse.Namespace, pictures: Sequence[Picture]) -> list[Path]:
    order = np.random.default_rng(options.seed).permutation(len(pictures))
    return [options.folder / pictures[at].file for at in order]


def measure(network: Embedder, files: Sequence[Path], options: argparse.Namespace) -> Measured:
    """References first, then the pictures that are copies of none, then what collages are filled with."""
    held, others = options.references, options.references + options.pictures
    read = [read_rgb(file, LONGER_SIDE) for file in files[: others + BYSTANDERS]]
    references = embedded(network, read[:held])
    unrelated = similarities(embedded(network, read[held:others]), references)
    found = np.stack(
        [
            similarities(embedded(network, copies), references)
            for copies in copies_of(read[: options.edited], read[others:], options.seed)
        ]
    )
    own = found[:, np.arange(options.edited), np.arange(options.edited)]
    return Measured(unrelated, own, (found > own[:, :, None]).sum(axis=2))


def copies_of(sources: Sequence[Pixels], bystanders: Sequence[Pixels], seed: int) -> Iterable[list[Pixels]]:
    """The pictures edited in each way, a list per edit."""
    for place, edit in enumerate(EDITS.values()):
        yield [
            edit(source, np.random.default_rng((seed, place, at)), bystanders)
            for at, source in enumerate(sources)
        ]


def embedded(network: Embedder, pictures: Sequence[Pixels]) -> list[Floats]:
    """Per picture the vectors of the whole and its panels, as the extractor makes them."""
    return [network.vectors([picture, *panels(picture)]) for picture in pictures]


def similarities(queries: Sequence[Floats], references: Sequence[Floats]) -> Floats:
    """Of the two most alike views: (queries, references)."""
    starts = np.cumsum([0, *(len(views) for views in references[:-1])])
    rows = np.concatenate(references).T
    return np.stack([np.maximum.reduceat((query @ rows).max(axis=0), starts) for query in queries])


def table_of(signal: str, found: Measured) -> dict[str, Any]:
    """The table as data/calibration keeps it."""
    within = {share: float(np.quantile(found.unrelated, 1 - share)) for share in (*SHARES, NEAR)}
    recoded = found.own[[list(EDITS).index(name) for name in RECODED]]
    return {
        "signal": signal,
        "strength": [[round(within[share], 4), round(-math.log(share), 2)] for share in SHARES],
        "near": round(within[NEAR], 4),
        "very_near": round(max(within[NEAR], float(np.quantile(recoded, 0.01))), 4),
        "shortlist": math.floor(1000 * float(np.quantile(found.own, 1 - KEPT))) / 1000,
        "made": {
            "date": date.today().isoformat(),  # noqa: DTZ011  # the day of this run, for people to read
            "how": "python -m benchmarks.calibrate_images: strength is minus the natural log of the share of unrelated "
            "pairs at least so alike; near: one in 100,000 of them; very_near: 99 % of re-encoded, scaled and mirrored "
            "copies; shortlist: 99 % of the copies edited in 17 ways; on other pictures than those reported on",
            "unrelated": int(found.unrelated.size),
            "edits": int(found.own.size),
        },
    }


def _report(side: str, found: Measured, shortlist: float) -> None:
    kept = (found.own >= shortlist) & (found.ranks < LISTED)
    listed = np.minimum((found.unrelated >= shortlist).sum(axis=1), LISTED)
    print(f"{side}: {found.own.size} copies, {len(found.unrelated)} pictures that are copies of none")
    for at_most in (1, 5, LISTED):
        print(f"  recall@{at_most} {np.mean(found.ranks < at_most):.4f}")
    print(f"  within {LISTED} and at {shortlist} or more: {kept.mean():.4f}; ", end="")
    print(
        ", ".join(
            f"{name} {share:.2f}" for name, share in zip(EDITS, kept.mean(axis=1), strict=True) if share < 1
        )
    )
    print(f"  of the others {np.mean(listed > 0):.2f} have a candidate, {listed.mean():.2f} on average")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("weights", type=Path, nargs="?", help="SSCD's file")
    parser.add_argument("--tower", type=Path, help="the folder of our own network, instead of SSCD")
    parser.add_argument("--side", type=int, default=SSCD_SIDES[0])
    parser.add_argument("--references", type=int, default=1500)
    parser.add_argument("--edited", type=int, default=60)
    parser.add_argument("--pictures", type=int, default=300, help="copies of none")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--write", type=Path, help="the folder to keep the table in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
