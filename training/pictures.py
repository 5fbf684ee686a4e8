"""Which pictures train the tower and which only measure it.

The evaluation manifest goes through `read_pictures`; `is_held_out` splits it by identity (by file where a set has
no identities), so nobody who is in the benchmark is in the training; `describe` pins what was used, without
naming anybody.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HELD_OUT_PERCENT = 30
SPLIT_SALT = "lookalike-tower-1"
TRAINING_SETS = (
    "aigen_nobody",
    "clothing",
    "fashion_tryon",
    "identity_celebbasis",
    "identity_deepface",
    "lfw",
    "refs_extra",
    "replica_arc2face",
    "replica_infiniteyou",
    "replica_instantid",
    "replica_photomaker",
    "replica_withanyone",
)
BENCHMARK_SETS = ("clothing", "fashion_tryon", "lfw")
NON_COMMERCIAL = re.compile(r"\bNC\b|non-?commercial", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """One file of the evaluation folder, relative to it, with what decides its side of the split."""

    file: str
    set: str
    identity: str
    licence: str


def read_pictures(eval_dir: Path, sets: Sequence[str]) -> list[Picture]:
    """Pictures of `sets` in the manifest's order, each file once."""
    with (eval_dir / "manifest.csv").open(newline="", encoding="utf-8") as rows:
        wanted = [row for row in csv.DictReader(rows) if row["set"] in sets and row["role"] != "edited"]
    pictures = {row["file"]: _picture(row) for row in wanted}
    return list(pictures.values())


def _picture(row: dict[str, str]) -> Picture:
    return Picture(row["file"], row["set"], row["identity"], row["licence"])


def is_held_out(picture: Picture) -> bool:
    """Whether the picture's identity (or file, when nobody is named) belongs to the benchmark's side."""
    if picture.set not in BENCHMARK_SETS:
        return False
    digest = hashlib.sha256(f"{SPLIT_SALT}|{picture.identity or picture.file}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < HELD_OUT_PERCENT


def is_non_commercial(picture: Picture) -> bool:
    """Whether the picture's licence forbids commercial use: committed weights are trained on no such picture."""
    return NON_COMMERCIAL.search(picture.licence) is not None


def training_pictures(eval_dir: Path) -> list[Picture]:
    """The training side of the split, in the manifest's order, without non-commercial pictures."""
    read = read_pictures(eval_dir, TRAINING_SETS)
    return [picture for picture in read if not is_held_out(picture) and not is_non_commercial(picture)]


def held_out_pictures(eval_dir: Path) -> list[Picture]:
    """The benchmark's side of the split, in the manifest's order."""
    return [picture for picture in read_pictures(eval_dir, BENCHMARK_SETS) if is_held_out(picture)]


def describe(eval_dir: Path) -> dict[str, object]:
    """Both sides by set: counts, licences and a SHA-256 over the files' names and contents."""
    sides = {"training": training_pictures(eval_dir), "held_out": held_out_pictures(eval_dir)}
    return {
        "rule": f"sha256('{SPLIT_SALT}|' + identity or file)[:4] % 100 < {HELD_OUT_PERCENT} is held out",
        **{side: _by_set(eval_dir, pictures) for side, pictures in sides.items()},
    }


def _by_set(eval_dir: Path, pictures: Sequence[Picture]) -> dict[str, object]:
    sets = sorted({picture.set for picture in pictures})
    return {name: _summary(eval_dir, [each for each in pictures if each.set == name]) for name in sets}


def _summary(eval_dir: Path, pictures: Sequence[Picture]) -> dict[str, object]:
    return {
        "pictures": len(pictures),
        "licences": sorted({picture.licence for picture in pictures}),
        "sha256": _digest(eval_dir, (picture.file for picture in pictures)),
    }


def _digest(eval_dir: Path, files: Iterable[str]) -> str:
    total = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256((eval_dir / file).read_bytes()).hexdigest()
        total.update(f"{content}  {file}\n".encode())
    return total.hexdigest()
