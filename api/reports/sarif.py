"""Findings as SARIF 2.1.0 (OASIS, 2020), for the CI of a catalogue: what code hosts and editors show of a scan.

    rows ─ flagged ─▶ results (rule = verdict, level by severity)     what a person dismissed ─▶ suppressions
         ─ unreadable ─▶ notifications of the invocation

A log is one object, so it is written at the end; rows are read one by one and only the flagged ones are kept. Nothing
of a picture is in it but its place and its digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from api.reports.rows import consent_ids, reasons, talent_refs
from detector.decision import Severity, Verdict
from detector.finding import Row
from detector.naming import is_flagged, severity_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
FINGERPRINT = "pictureAndVerdict/v1"

LEVELS: Mapping[Severity, str] = {
    Severity.NONE: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}

RULES: Mapping[Verdict, str] = {
    Verdict.NO_CONSENT: "A registered talent's likeness is used and no consent record allows it.",
    Verdict.REVOKED: "The consent that allowed this use was revoked.",
    Verdict.EXPIRED: "The consent that allowed this use has ended.",
    Verdict.NOT_YET_VALID: "The consent for this use begins later.",
    Verdict.OUT_OF_SCOPE: "There is a consent, and this use is outside its terms.",
    Verdict.AUTHORISED_WITH_DEFECT: "The use is allowed, and a disclosure that it requires is missing.",
    Verdict.NEEDS_REVIEW: "A person has to look: the match or the use is uncertain.",
}
"""One rule per verdict that flags."""

HELP = "Look at the picture and the consent records that the message names before it is published."


@dataclass(frozen=True, slots=True)
class Dismissal:
    """What a person said of the same picture before: why it is nothing to look at, and in which finding."""

    finding_id: str
    outcome: str


Dismissed = Callable[[Row], Dismissal | None]


@dataclass(frozen=True, slots=True)
class Written:
    """What made the log."""

    version: str


def nobody(_: Row) -> Dismissal | None:
    """For a scan whose findings nobody has reviewed."""
    return None


def write_sarif(path: Path, rows: Iterable[Row], about: Written, dismissed: Dismissed = nobody) -> None:
    """Write the log of these rows. Raises OSError."""
    with path.open("w", encoding="utf-8") as file:
        dump_sarif(file, rows, about, dismissed)


def dump_sarif(file: IO[str], rows: Iterable[Row], about: Written, dismissed: Dismissed = nobody) -> None:
    """The same into an open file."""
    json.dump(sarif_log(rows, about, dismissed), file, ensure_ascii=False, indent=1)
    file.write("\n")


def sarif_log(rows: Iterable[Row], about: Written, dismissed: Dismissed = nobody) -> dict[str, Any]:
    """The log as plain values."""
    results, notifications = [], []
    for row in rows:
        if row["error"]:
            notifications.append(_notification(row))
        elif is_flagged(row):
            results.append(_result(row, dismissed(row)))
    run = {
        "tool": {"driver": _driver(about)},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _driver(about: Written) -> dict[str, Any]:
    rules = [
        {
            "id": str(verdict),
            "name": "".join(word.capitalize() for word in str(verdict).split("_")),
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "help": {"text": HELP},
        }
        for verdict, text in RULES.items()
    ]
    return {"name": "Lookalike", "version": about.version, "rules": rules}


def _result(row: Row, dismissal: Dismissal | None) -> dict[str, Any]:
    verdict = Verdict(row["verdict"])
    severity = severity_of(row)
    return {
        "ruleId": str(verdict),
        "ruleIndex": list(RULES).index(verdict),
        "level": LEVELS[severity],
        "message": {"text": _message(row)},
        "locations": [_location(row)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(row)},
        "suppressions": [] if dismissal is None else [_suppression(dismissal)],
        "properties": {
            "severity": str(severity),
            "qualifier": row["decision"]["qualifier"],
            "talents": talent_refs(row),
            "consents": consent_ids(row),
            "asOf": row["as_of"],
            "inputsSha256": row["decision"]["inputs_sha256"],
        },
    }


def _message(row: Row) -> str:
    """Whom it shows, the verdict and its reasons, as sentences."""
    who = ", ".join(talent_refs(row)) or "nobody named"
    qualifier = row["decision"]["qualifier"]
    verdict = str(row["verdict"]).replace("_", " ") + (
        f" ({qualifier.replace('_', ' ')})" if qualifier else ""
    )
    return " ".join([f"{who}: {verdict}.", *(reason["detail"] for reason in reasons(row))])


def _location(row: Row) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": uri_of(row["source"])}}}


def uri_of(source: str) -> str:
    """A web address as it is; a path as a URI reference, absolute ones with `file:`."""
    if urlsplit(source).scheme in ("http", "https"):
        return quote(source, safe="%/:=&?~#+!$,;'@()*[]")
    path = quote(source.replace("\\", "/"), safe="/~!$&'()*+,;=@", errors="replace")
    return f"file://{path}" if path.startswith("/") else path


def _fingerprint(row: Row) -> str:
    return f"{row['sha256']}:{row['verdict']}:{','.join(talent_refs(row))}"


def _suppression(dismissal: Dismissal) -> dict[str, str]:
    said = dismissal.outcome.replace("_", " ")
    return {
        "kind": "external",
        "status": "accepted",
        "justification": f"{said}, as a person decided on finding {dismissal.finding_id}",
    }


def _notification(row: Row) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": row["error"]["detail"]},
        "descriptor": {"id": row["error"]["code"]},
        "locations": [_location(row)],
    }
