"""Enrolling references beside scanning the same pictures, as a user runs both.

    python -m benchmarks.enrolment ../shared/eval [--pictures 1000] [--seed 7] [--shop]

`lookalike import` gets that many photographs of LFW, one a person, each a person of their own with a release;
`lookalike scan` then gets the same pictures against that registry. Both are processes of their own on a new state
directory; the wall time and the processor time of each are printed, and the ratio. `--shop` takes pictures of a shop's
size instead (`benchmarks.catalogue`).
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.catalogue import make_catalogue
from benchmarks.figures import Figure, Result, heading

SIGNED = "2025-01-01"


@dataclass(frozen=True, slots=True)
class Command:
    """What one command took, in seconds: wall time, and processor time of it and its threads."""

    seconds: float
    processor: float


def main() -> None:
    options = _options()
    print(heading(options))
    os.environ["LOOKALIKE_IMAGE_NETWORK"] = options.image_network
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pictures = _pictures(options, work)
        roster = _roster(pictures, work)
        imported = _run(work, "import", str(roster), "--out", str(work / "result.csv"))
        scanned = _run(work, "scan", str(roster), "--out", str(work / "findings.jsonl"), "--quiet")
        with (work / "result.csv").open(newline="", encoding="utf-8") as file:
            answers = Counter(f"{row['status']} {row['code']}".strip() for row in csv.DictReader(file))
    _report(options, len(pictures), imported, scanned, answers)


def _pictures(options: argparse.Namespace, work: Path) -> list[Path]:
    if options.shop:
        return make_catalogue(options.folder, work / "shop", options.pictures, options.seed)
    people = sorted(path for path in (options.folder / "lfw").iterdir() if path.is_dir())
    chosen = np.random.default_rng(options.seed).permutation(len(people))[: options.pictures]
    return [min(people[at].glob("*.jpg")).resolve() for at in sorted(chosen)]


def _roster(pictures: Sequence[Path], work: Path) -> Path:
    path = work / "roster.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("talent_ref", "name", "image", "release_signed_at"))
        rows.writerows(
            (f"p{number}", f"Person {number}", picture, SIGNED) for number, picture in enumerate(pictures)
        )
    return path


def _run(work: Path, *arguments: str) -> Command:
    environ = {**os.environ, "LOOKALIKE_STATE_DIR": str(work / "state")}
    began, before = time.monotonic(), _processor()
    done = subprocess.run(
        [sys.executable, "-m", "api.main", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"lookalike {arguments[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return Command(time.monotonic() - began, _processor() - before)


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _report(
    options: argparse.Namespace, count: int, imported: Command, scanned: Command, answers: Counter[str]
) -> None:
    for name, command in (("import", imported), ("scan", scanned)):
        print(
            f"{name:7s} {command.seconds:7.1f} s, {count / command.seconds:5.1f} pictures a second, "
            f"{1000 * command.processor / count:6.1f} ms of a processor each"
        )
    ratio = imported.seconds / scanned.seconds
    print(
        f"enrolling takes {ratio:.2f} times the time of scanning, {imported.processor / scanned.processor:.2f} times "
        f"the processor's; {dict(answers)}"
    )
    if options.json:
        Result.of(
            "enrolment",
            options,
            [
                Figure("enrolment over scanning", ratio, "x", "at most", goal=1.3),
                Figure("references a second", count / imported.seconds, "/s"),
            ],
        ).write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--shop", action="store_true", help="pictures of a shop's size instead of LFW's")
    parser.add_argument("--image-network", default="sscd", help="the setting image_network of both commands")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
