"""Findings as JUnit XML, which every CI shows: a test case per picture, a failure per flagged one.

A picture that could not be read is an `error`; one that a person dismissed before is `skipped`, with their decision.
The file is written row by row after a first pass that counts them, so it does not grow with the scan.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from api.reports.rows import reasons, talent_refs
from api.reports.sarif import Dismissal, Dismissed, nobody
from detector.finding import Row
from detector.naming import is_flagged, severity_of

Rows = Callable[[], Iterable[Row]]
"""The rows, from the beginning at each call."""

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, rows: Rows, title: str, dismissed: Dismissed = nobody) -> None:
    """Write the report. Raises OSError."""
    counts = Counter(_outcome(row, dismissed(row) if is_flagged(row) else None) for row in rows())
    with path.open("w", encoding="utf-8") as file:
        xml = XMLGenerator(file, "utf-8", short_empty_elements=True)
        xml.startDocument()
        totals = {
            "tests": str(counts.total()),
            "failures": str(counts["failure"]),
            "errors": str(counts["error"]),
            "skipped": str(counts["skipped"]),
        }
        _start(xml, "testsuites", {"name": "Lookalike", **totals})
        _start(xml, "testsuite", {"name": title, **totals})
        for row in rows():
            _write_case(xml, row, dismissed(row) if is_flagged(row) else None)
        xml.endElement("testsuite")
        xml.endElement("testsuites")
        xml.endDocument()
        file.write("\n")


def _outcome(row: Row, dismissal: Dismissal | None) -> str:
    if row["error"]:
        return "error"
    if not is_flagged(row):
        return "passed"
    return "skipped" if dismissal else "failure"


def _write_case(xml: XMLGenerator, row: Row, dismissal: Dismissal | None) -> None:
    folder, _, name = row["source"].rpartition("/")
    outcome = _outcome(row, dismissal)
    _start(xml, "testcase", {"classname": folder or ".", "name": name or row["source"]})
    if outcome == "error":
        _write(xml, "error", {"type": row["error"]["code"], "message": row["error"]["detail"]}, "")
    elif outcome == "skipped" and dismissal is not None:
        said = dismissal.outcome.replace("_", " ")
        _write(xml, "skipped", {"message": f"{said}: finding {dismissal.finding_id}"}, "")
    elif outcome == "failure":
        who = ", ".join(talent_refs(row)) or "nobody named"
        message = f"{who}: {row['verdict']}, severity {severity_of(row)}"
        text = "\n".join(reason["detail"] for reason in reasons(row))
        _write(xml, "failure", {"type": row["verdict"], "message": message}, text)
    xml.endElement("testcase")


def _write(xml: XMLGenerator, name: str, attributes: dict[str, str], text: str) -> None:
    _start(xml, name, attributes)
    xml.characters(_plain(text))
    xml.endElement(name)


def _start(xml: XMLGenerator, name: str, attributes: dict[str, str]) -> None:
    xml.startElement(name, AttributesImpl({key: _plain(value) for key, value in attributes.items()}))


def _plain(text: str) -> str:
    """Without the characters that XML has no way to write: file names may hold any."""
    return _NOT_XML.sub("\ufffd", text)
