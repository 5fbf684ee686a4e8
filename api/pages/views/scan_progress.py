"""How far a scan is, and what it came to so far, in figures for a page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.pages.views.queue import GENERAL
from api.reports.rows import reasons, talent_refs
from data.store.scans import Progress, Scan, ScanRow, ScanState
from detector.decision import Verdict
from detector.naming import is_flagged
from detector.use import Use

ORDER = tuple(reversed(Verdict))
"""The gravest first."""

MEANINGS: Mapping[ScanState, str] = {
    ScanState.QUEUED: "Waiting for a worker.",
    ScanState.RUNNING: "Pictures are being checked.",
    ScanState.SUCCEEDED: "Every picture has been looked at.",
    ScanState.FAILED: "It stopped and can go on with the pictures that are left.",
    ScanState.CANCELLED: "Stopped by a person. What had been checked stays.",
}
"""What each state says, for a person."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One verdict: how many pictures, and its share of the largest count, in percent."""

    verdict: str
    pictures: int
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """One picture's result, as a list shows it."""

    number: int
    source: str
    verdict: str
    qualifier: str | None
    severity: str
    who: tuple[str, ...]
    told: str
    finding_id: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A scan as it stands. `left`: how long it will take at the pace so far; None where nothing tells."""

    scan: Scan
    progress: Progress
    means: str
    bars: tuple[Bar, ...]
    left: timedelta | None

    @property
    def is_live(self) -> bool:
        return not self.scan.state.is_final

    @property
    def stopping(self) -> bool:
        """Somebody asked it to stop, and the batch under way is being finished."""
        return self.is_live and self.scan.cancel_requested_at is not None


def standing(scan: Scan, progress: Progress, now: datetime) -> Standing:
    return Standing(scan, progress, MEANINGS[scan.state], bars(progress), _left(scan, progress, now))


def bars(progress: Progress) -> tuple[Bar, ...]:
    """Verdicts that came up, the gravest first."""
    most = max(progress.verdicts.values(), default=0)
    return tuple(
        Bar(str(verdict), count, round(100 * count / most, 2))
        for verdict in ORDER
        if (count := progress.verdicts.get(str(verdict), 0))
    )


def line_of(found: ScanRow) -> Line:
    """What a list says of one row."""
    row, decision = found.row, found.row["decision"]
    error, why = row["error"], reasons(row) if is_flagged(row) else ()
    told = next((reason["detail"] for reason in why if reason["code"] not in GENERAL), "")
    return Line(
        found.number,
        row["source"],
        row["verdict"] or "error",
        decision["qualifier"] if decision else None,
        row["severity"] or "none",
        tuple(talent_refs(row)),
        error["detail"] if error else told,
        found.finding_id,
    )


def claims(scan: Scan) -> list[tuple[str, str]]:
    """What is claimed of every picture of the scan, in the order of a use."""
    return [(name, scan.use[name]) for name in Use.__dataclass_fields__ if name in scan.use]


def _left(scan: Scan, progress: Progress, now: datetime) -> timedelta | None:
    if scan.state is not ScanState.RUNNING or scan.started_at is None or not progress.checked:
        return None
    return (now - scan.started_at) / progress.checked * (progress.total - progress.checked)
