"""How fast a scan is, beside deepface on the same pictures in the same run, and where its time goes.

    python -m benchmarks.throughput ../shared/eval [--deepface PYTHON] [--pictures 1000] [--lfw 1000] [--seed 7]

Two sets: pictures of a shop's size (`benchmarks.catalogue`, 600 to 1,500 pixels) and photographs of LFW (250 pixels).
The evaluation gallery is enrolled first, so that faces, hashes and the image embedding are searched as in real use.
Printed per set: pictures a second of both; each stage's processor time, measured alone; the stage bound (what the
machine could do if nothing but the stages ran and every core were always busy) and the share of it that the scan
reaches; peak memory and how it grows. Then the time from the command to the first verdict.

The peer is `DeepFace.represent` with YuNet and SFace in its own environment (`--deepface` names that environment's
Python), a picture after the other as its users call it; it neither searches nor hashes. Without it the ratio is left
out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.catalogue import make_catalogue
from benchmarks.evaluation import read_gallery
from benchmarks.figures import Figure, Result, heading
from benchmarks.scan_speed import Scan, apart
from data.weights import WeightsCache
from detector.runtime import cores

PEER = Path(__file__).with_name("peer_deepface.py")
NOT_FOR_THE_PEER = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
STARTS = 3


@dataclass(frozen=True, slots=True)
class Peer:
    """What deepface did. seconds: wall time."""

    seconds: float
    processor_seconds: float
    pictures: int
    faces: int
    versions: dict[str, str]

    @property
    def rate(self) -> float:
        return self.pictures / self.seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """One set of pictures."""

    name: str
    ours: Scan
    peer: Peer | None


def main() -> None:
    options = _options()
    print(heading(options))
    os.environ["LOOKALIKE_IMAGE_NETWORK"] = options.image_network
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        state = enrolled_state(options.folder, work, options.references)
        sets = {"shop": shop_pictures(options, work), "lfw": lfw_pictures(options)}
        found = [_measured(name, state, pictures, options) for name, pictures in sets.items() if pictures]
        starts = [_first_verdict(state, next(iter(sets.values()))[0]) for _ in range(STARTS)]
    for one in found:
        _print(one)
    print(f"from the command to the first verdict: {', '.join(f'{seconds:.2f}' for seconds in starts)} s")
    if options.json:
        Result.of(
            "throughput",
            options,
            [*(figure for one in found for figure in _figures(one)), _start_figure(starts)],
            {"stage_ms": {one.name: _stage_ms(one.ours) for one in found}},
        ).write(options.json)


# The pictures and the registry


def shop_pictures(options: argparse.Namespace, work: Path) -> list[Path]:
    return make_catalogue(options.folder, work / "shop", options.pictures, options.seed)


def lfw_pictures(options: argparse.Namespace) -> list[Path]:
    """Photographs that are not in the gallery: a scan seldom meets the very references."""
    enrolled = {(options.folder / image).resolve() for _, image in read_gallery(options.folder)}
    every = [
        path for path in sorted((options.folder / "lfw").rglob("*.jpg")) if path.resolve() not in enrolled
    ]
    chosen = np.random.default_rng(options.seed).permutation(len(every))[: options.lfw]
    return [every[at] for at in chosen]


def enrolled_state(folder: Path, work: Path, references: int) -> Path:
    """A state directory with the first `references` of the evaluation gallery."""
    rows = (folder / "gallery.csv").read_text(encoding="utf-8").splitlines()
    roster = work / "roster.csv"
    head = rows[0].split(",")
    place = head.index("image")
    fields = [row.split(",") for row in rows[1 : references + 1]]
    absolute = [
        ",".join([*row[:place], str((folder / row[place]).resolve()), *row[place + 1 :]]) for row in fields
    ]
    roster.write_text("\n".join([rows[0], *absolute]) + "\n", encoding="utf-8")
    _lookalike(work / "state", "import", str(roster), "--out", str(work / "enrolled.csv"))
    return work / "state"


def _lookalike(state: Path, *arguments: str) -> None:
    environ = {**os.environ, "LOOKALIKE_STATE_DIR": str(state)}
    command = [sys.executable, "-m", "api.main", *arguments]
    code = subprocess.run(command, env=environ, capture_output=True, check=False).returncode
    if code not in (0, 1, 3):
        raise SystemExit(f"lookalike {arguments[0]} ended with {code}")


# Measuring


def _measured(name: str, state: Path, pictures: Sequence[Path], options: argparse.Namespace) -> Measured:
    ours = apart(state, pictures)
    return Measured(name, ours, _peer(pictures[: options.peer_pictures], options))


def _peer(pictures: Sequence[Path], options: argparse.Namespace) -> Peer | None:
    if options.deepface is None:
        return None
    with tempfile.TemporaryDirectory() as home:
        weights = Path(home) / ".deepface" / "weights"
        weights.mkdir(parents=True)
        for name in ("yunet", "sface"):
            file = WeightsCache(Path.home() / ".cache" / "lookalike").ensure(name)
            (weights / file.name).symlink_to(file)
        environ = {key: value for key, value in os.environ.items() if key not in NOT_FOR_THE_PEER}
        done = subprocess.run(
            [options.deepface, str(PEER)],
            env={**environ, "DEEPFACE_HOME": home},
            input="\n".join(map(str, pictures)),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"deepface ended with {done.returncode}: {done.stderr[-500:]}")
    return Peer(**json.loads(done.stdout.splitlines()[-1]))


def _first_verdict(state: Path, picture: Path) -> float:
    began = time.monotonic()
    _lookalike(state, "check", str(picture))
    return time.monotonic() - began


# Telling


def _stage_ms(scan: Scan) -> dict[str, float]:
    return {name: 1000 * spent for name, spent in scan.stages.items()}


def _print(one: Measured) -> None:
    ours, bound = one.ours, one.ours.bound(cores())
    print(f"\n{one.name}: {ours.pictures} pictures, {ours.faces} faces, {ours.failed} failed")
    print(
        f"  lookalike {ours.rate:.1f} pictures a second; stage bound {bound:.1f}, reached {ours.rate / bound:.0%}; "
        f"{1000 * ours.processor / ours.pictures:.1f} ms of a processor each"
    )
    if one.peer:
        peer = one.peer
        print(
            f"  deepface  {peer.rate:.1f} pictures a second ({peer.pictures} pictures, {peer.faces} faces, "
            f"{1000 * peer.processor_seconds / peer.pictures:.1f} ms of a processor each; {peer.versions}): "
            f"{ours.rate / peer.rate:.2f} times as fast"
        )
    for name, spent in sorted(_stage_ms(ours).items(), key=lambda item: -item[1]):
        print(f"    {name:18s} {spent:7.2f} ms a picture")
    print(f"  memory: peak {max(ours.memory):.0f} MiB, {ours.slope:+.0f} MiB over 1,000 pictures")


def _figures(one: Measured) -> Iterator[Figure]:
    ours, peer, bound = one.ours, one.peer, one.ours.bound(cores())
    yield Figure(
        f"{one.name}: pictures a second", ours.rate, "/s", peer=peer and peer.rate, peer_name="deepface"
    )
    if peer:
        yield Figure(f"{one.name}: times deepface's speed", ours.rate / peer.rate, "x", goal=4.0)
    yield Figure(f"{one.name}: share of the stage bound", ours.rate / bound, "share", goal=0.8)
    yield Figure(f"{one.name}: peak memory", max(ours.memory), "MiB", "at most")
    yield Figure(f"{one.name}: memory growth over 1,000 pictures", ours.slope, "MiB", "at most", goal=50.0)


def _start_figure(starts: Sequence[float]) -> Figure:
    return Figure("start-up to first verdict", float(np.median(starts)), "s", "at most", goal=2.0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--deepface", type=Path, help="the Python of an environment with deepface")
    parser.add_argument("--pictures", type=int, default=1000, help="pictures of the shop")
    parser.add_argument("--lfw", type=int, default=1000, help="photographs of LFW")
    parser.add_argument("--peer-pictures", type=int, default=300, help="how many of them deepface gets")
    parser.add_argument("--references", type=int, default=766, help="rows of the gallery to enrol")
    parser.add_argument("--image-network", default="sscd", help="the setting image_network during the scan")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
