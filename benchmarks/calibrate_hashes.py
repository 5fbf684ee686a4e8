"""How near unrelated pictures and edited copies come under each hash: what the hash tables are read off.

    python -m benchmarks.calibrate_hashes ../shared/eval [--pictures 900] [--write data/calibration]

Unrelated pictures: press photographs against the references, and garments against each other; the worse counts.
Copies: references edited as a routine edit may be. Distances are the least over the eight turns.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from benchmarks.evaluation import read_gallery, read_probes
from detector.decoding import DecodeLimits, decode
from detector.hashing import KINDS, HashKind, hashes

SEED = 5
EDITED = 150
SHARES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
NEAR = 2e-6
VERY_NEAR = 0.99
Distances = NDArray[np.int64]
Codes = list[dict[str, NDArray[np.uint8]]]


def _jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def edit(image: Image.Image) -> Image.Image:
        kept = io.BytesIO()
        image.save(kept, "JPEG", quality=quality)
        return Image.open(kept).convert("RGB")

    return edit


def _reduced(factor: int) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.reduce(factor)


RECODED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 75": _jpeg(75),
    "JPEG 20": _jpeg(20),
    "half size": _reduced(2),
    "quarter size": _reduced(4),
    "mirror": ImageOps.mirror,
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}
EDITS = {
    **RECODED,
    "colour": lambda image: ImageEnhance.Color(ImageEnhance.Brightness(image).enhance(1.25)).enhance(0.5),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.5),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "blur 2 px": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "crop to 95 %": lambda image: ImageOps.crop(image, round(min(image.size) * 0.0127)),
}


def main() -> None:
    options = _options()
    print(f"options: {vars(options)}, seed {SEED}, {EDITED} references edited in {len(EDITS)} ways")
    chosen = random.Random(SEED)  # noqa: S311  # a draw, no secret
    references = [_open(options.folder / image) for _, image in read_gallery(options.folder)]
    street = [probe.image for probe in read_probes(options.folder) if probe.street]
    garments = sorted((options.folder / "clothing").rglob("*.jpg"))
    pictured = [_open(options.folder / name) for name in chosen.sample(street, options.pictures)]
    worn = [_open(path) for path in chosen.sample(garments, min(options.pictures, len(garments)))]
    held, seen, cloth = _codes(references), _codes(pictured), _codes(worn)
    edited = chosen.sample(range(len(references)), EDITED)
    copies = {name: _codes([edit(references[place]) for place in edited]) for name, edit in EDITS.items()}
    for kind in KINDS:
        unrelated = (_apart(kind, seen, held).ravel(), _others(_apart(kind, cloth, cloth)))
        distances = {
            name: _pairwise(kind, codes, [held[place] for place in edited]) for name, codes in copies.items()
        }
        table = _table(kind, unrelated, distances)
        for line in _lines(kind, unrelated, distances, table):
            print(line)
        if options.write:
            file = options.write / f"{kind.signal.model}-{_bits(kind, held)}bit.json"
            file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _table(kind: HashKind, unrelated: Sequence[Distances], copies: dict[str, Distances]) -> dict[str, object]:
    bits = 8 * hashes(np.zeros((8, 8, 3), np.uint8), (kind,))[kind.signal].shape[1]
    within = {share: min(_share(part, share) for part in unrelated) for share in (*SHARES, NEAR)}
    recoded = np.concatenate([copies[name] for name in RECODED])
    very_near = int(np.quantile(recoded, VERY_NEAR))
    strength = {bits // 2: 0.0} | {within[share]: round(-math.log(share), 2) for share in SHARES}
    return {
        "signal": str(kind.signal),
        "strength": sorted((1 - distance / bits, value) for distance, value in strength.items()),
        "near": round(1 - within[NEAR] / bits - 1e-4, 4),
        "very_near": round(1 - very_near / bits - 1e-4, 4),
        "made": {
            "date": date.today().isoformat(),  # noqa: DTZ011  # the day of this run, for people to read
            "how": "python -m benchmarks.calibrate_hashes: strength is minus the natural log of the share of unrelated "
            "pictures within the distance (of routine edits nearly all are within it); near: at most two in a million "
            "unrelated comparisons; very_near: 99 % of the re-encoded, scaled, mirrored and turned copies",
            "unrelated": sum(len(part) for part in unrelated),
            "edits": sum(len(part) for part in copies.values()),
        },
    }


def _share(distances: Distances, share: float) -> int:
    """The largest distance within which at most this share of unrelated pairs lies, as far as there are pairs."""
    return int(np.partition(distances, int(share * len(distances)))[int(share * len(distances))]) - 1


def _lines(
    kind: HashKind, unrelated: Sequence[Distances], copies: dict[str, Distances], table: dict[str, object]
) -> Iterator[str]:
    yield f"{kind.signal}: near {table['near']}, very near {table['very_near']}"
    for name, part in zip(("photographs", "garments"), unrelated, strict=True):
        yield f"  unrelated {name}, distance within which a share lies: " + ", ".join(
            f"{share:g}: {_share(part, share)}" for share in SHARES
        )
    for name, part in copies.items():
        yield f"  {name}: median {np.median(part):g}, 95 % within {np.quantile(part, 0.95):g}"


def _open(path: Path) -> Image.Image:
    return Image.fromarray(decode(path.read_bytes(), DecodeLimits(long_side=600), source=path.name).pixels)


def _codes(images: Sequence[Image.Image]) -> Codes:
    return [{signal.model: codes for signal, codes in hashes(np.asarray(image)).items()} for image in images]


def _bits(kind: HashKind, codes: Codes) -> int:
    return 8 * int(codes[0][kind.signal.model].shape[1])


def _apart(kind: HashKind, queries: Codes, references: Codes) -> Distances:
    """Least distance over the query's turns: (queries, references)."""
    upright = np.stack([codes[kind.signal.model][0] for codes in references])
    rows = [
        np.bitwise_count(codes[kind.signal.model][:, None] ^ upright).sum(axis=2, dtype=np.int64).min(axis=0)
        for codes in queries
    ]
    return np.stack(rows)


def _others(square: Distances) -> Distances:
    return square[~np.eye(len(square), dtype=bool)]


def _pairwise(kind: HashKind, copies: Codes, references: Codes) -> Distances:
    return np.array(
        [_apart(kind, [copy], [held])[0, 0] for copy, held in zip(copies, references, strict=True)]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--pictures", type=int, default=900, help="unrelated pictures of each sort")
    parser.add_argument("--write", type=Path, help="the folder to keep the tables in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
