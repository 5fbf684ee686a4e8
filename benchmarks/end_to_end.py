"""The main job as a user runs it: `lookalike import` the gallery, `lookalike scan` the probes, score the rows.

    python -m benchmarks.end_to_end ../shared/eval [--top 5]

Both commands run as processes of their own, on a new state directory; weights come from the usual cache. What
is printed: rows accepted, pictures without a row or a face, FNIR at two fixed FPIR, replicas found, pictures a
second, and the peak memory of the scan. `benchmarks.identification` puts the score beside the peer's.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.evaluation import Probe, read_probes
from benchmarks.figures import Figure, Result, heading
from benchmarks.scoring import Outcome, Report, Scores, outcomes, report

RATES = (0.01, 0.003)
POLL_S = 0.2

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What one command did: exit code, wall time in seconds, peak resident memory in MiB."""

    code: int
    seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Everything that was measured. enrolled: rows of the roster by status."""

    enrolled: Counter[str]
    importing: Run
    scan: Run
    rows: dict[str, Row]
    probes: list[Probe]
    outcomes: list[Outcome]

    @property
    def missing(self) -> int:
        """Probes without a row, or whose row is an error."""
        return sum(self.rows.get(probe.image, {}).get("status") != "ok" for probe in self.probes)

    @property
    def faceless(self) -> int:
        return sum(not row["faces"] for row in self.rows.values())

    def reports(self) -> list[Report]:
        return [report(self.outcomes, rate) for rate in RATES]


def measure(folder: Path, work: Path, top: int = 5) -> EndToEnd:
    """Import and scan `folder` with a new state directory in `work`. Exit codes 0, 1 and 3 are all answers."""
    result, findings = work / "result.csv", work / "findings.jsonl"
    importing = _run(work, ["import", str(folder / "gallery.csv"), "--out", str(result)])
    scan = _run(
        work, ["scan", str(folder / "probes.csv"), "--top", str(top), "--out", str(findings), "--quiet"]
    )
    with result.open(newline="", encoding="utf-8") as file:
        enrolled = Counter(row["status"] for row in csv.DictReader(file))
    rows = _rows(findings, folder)
    probes = read_probes(folder)
    return EndToEnd(
        enrolled,
        importing,
        scan,
        rows,
        probes,
        outcomes(probes, lambda probe: _scores(rows.get(probe.image))),
    )


def _run(work: Path, arguments: Sequence[str]) -> Run:
    environ = {**os.environ, "LOOKALIKE_STATE_DIR": str(work / "state")}
    started, peak = time.monotonic(), 0.0
    with (work / f"{arguments[0]}.log").open("w") as log:
        command = [sys.executable, "-m", "api.main", *arguments]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _memory(watched))
            time.sleep(POLL_S)
    if process.returncode not in (0, 1, 3):
        raise SystemExit(f"lookalike {arguments[0]} ended with {process.returncode}; see {log.name}")
    return Run(process.returncode, time.monotonic() - started, peak)


def _memory(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _rows(findings: Path, folder: Path) -> dict[str, Row]:
    root = folder.resolve()
    rows: dict[str, Row] = {}
    with findings.open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            rows[Path(row["source"]).resolve().relative_to(root).as_posix()] = row
    return rows


def _scores(row: Row | None) -> Scores:
    """Each talent's best strength over the faces of a picture."""
    best: dict[str, float] = {}
    for face in (row or {}).get("faces", ()):
        for candidate in face["candidates"]:
            talent = candidate["talent_ref"]
            best[talent] = max(best.get(talent, candidate["strength"]), candidate["strength"])
    return best


def main() -> None:
    options = _options()
    print(heading(options))
    with tempfile.TemporaryDirectory() as work:
        done = measure(options.folder, Path(work), options.top)
    count, scan = len(done.rows), done.scan
    print(f"import: {dict(done.enrolled)} in {done.importing.seconds:.0f} s")
    print(
        f"scan: {count} rows, {done.missing} missing, {done.faceless} without a face, "
        f"{scan.seconds:.0f} s = {count / scan.seconds:.1f} pictures a second, peak {scan.peak_mib:.0f} MiB"
    )
    for found in done.reports():
        print(
            f"FPIR {found.fpir:.1%}: FNIR lfw {found.missed_lfw:.2%}, all real {found.missed_real:.2%}, "
            f"photoreal replicas found {found.photoreal_found:.1%}, threshold {found.threshold:.3f}, "
            f"false hits {dict(found.false_hits)}"
        )
    if options.json:
        Result.of("end_to_end", options, _figures(done)).write(options.json)


def _figures(done: EndToEnd) -> Iterator[Figure]:
    count, strict = len(done.rows), {0.01: (0.005, 0.97), 0.003: (0.009, 0.93)}
    yield Figure("pictures without a row", done.missing, "", "at most", 0)
    yield Figure("references accepted", done.enrolled["accepted"] / done.enrolled.total(), "share")
    yield Figure("pictures a second, all evaluation pictures", count / done.scan.seconds, "/s")
    yield Figure("peak memory of the scan", done.scan.peak_mib, "MiB", "at most")
    for found in done.reports():
        fnir, replicas = strict[found.fpir]
        at = f"at FPIR {found.fpir:.1%}"
        yield Figure(f"FNIR, LFW, {at}", found.missed_lfw, "share", "at most", fnir)
        yield Figure(f"photoreal replicas found {at}", found.photoreal_found, "share", "at least", replicas)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="evaluation pictures with gallery.csv and probes.csv")
    parser.add_argument("--top", type=int, default=5, help="candidates listed per face")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
