"""The report that a lawyer reads: what was found where, beside what, how sure, under which consents, and who decided.

Its words are those of the row; nothing is weighed anew. Everything in it is in the bundle as JSON too, in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from reportlab.platypus import Flowable

from api.evidence.gathering import Gathered, Matter
from api.evidence.plates import Plate
from api.evidence.sheet import LEAST, TALLEST, Sheet
from api.reports.credentials import facts_of
from detector.finding import Row
from detector.record import ConsentRecord, defects, status

KINDS = {"faces": "Face", "copies": "Copy", "ingredients": "Ingredient"}

NOTE = (
    "This report was made by a program. It says what was measured and which rules were applied to which records; it is "
    "no legal advice, and a likeness that was measured is no proof of identity. The bundle that it lies in holds the "
    "same as data, with a signed manifest: `lookalike verify` shows whether anything was altered, and decides again "
    "from the recorded inputs."
)


@dataclass(frozen=True, slots=True)
class Printed:
    """What the report is made from. public_key: whose signature the bundle bears, in hex; font: see `Sheet`."""

    gathered: Gathered
    plates: Sequence[Plate] = field(repr=False)
    made_at: datetime
    public_key: str
    font: Path | None = None


def report_pdf(printed: Printed) -> bytes:
    """The PDF."""
    sheet, gathered = Sheet(printed.font), printed.gathered
    sections = (
        _front(sheet, printed),
        _picture(sheet, gathered),
        _plates(sheet, printed),
        _scores(sheet, gathered),
        _decisions(sheet, gathered),
        _consents(sheet, gathered),
        _credentials(sheet, gathered),
        _reviews(sheet, gathered),
        _audit(sheet, gathered),
    )
    flow = [flowable for section in sections for flowable in section]
    return sheet.pdf(flow, f"Evidence of finding {gathered.finding.id}")


def named(matter: Matter) -> str:
    """`Face 1`, `Copy 2`: as the report calls a part of the picture."""
    kind, _, place = matter.of.partition("/")
    return f"{KINDS[kind]} {int(place) + 1}"


def whom(gathered: Gathered, talent_id: str | None) -> str:
    if talent_id is None:
        return "nobody"
    ref, name = gathered.talents.get(talent_id, (talent_id, ""))
    return f"{name} ({ref})" if name else ref


def _front(sheet: Sheet, printed: Printed) -> Iterator[Flowable]:
    finding, row = printed.gathered.finding, printed.gathered.row
    talents = [whom(printed.gathered, each) for each in sorted(printed.gathered.talents)]
    yield sheet.title("Evidence of a flagged picture")
    yield sheet.facts(
        [
            ("Finding", finding.id),
            ("Verdict", _verdict(row["decision"])),
            ("Talent", ", ".join(talents) or None),
            ("Where it was", finding.source),
            ("Found", _moment(finding.created_at)),
            ("Where it stands", f"{finding.state}, version {finding.version}"),
            ("Bundle made", _moment(printed.made_at)),
            ("Signed with", f"Ed25519 {printed.public_key}"),
        ]
    )
    yield sheet.text("")
    yield sheet.text(NOTE)


def _picture(sheet: Sheet, gathered: Gathered) -> Iterator[Flowable]:
    finding, row = gathered.finding, gathered.row
    yield from sheet.heading("The picture")
    facts: list[tuple[str, Any]] = [
        ("Source", row["source"]),
        ("SHA-256", row["sha256"]),
        ("Size", f"{row['width']} by {row['height']} pixels" + _kept(gathered)),
        ("Judged as of", row["as_of"]),
        ("Scan", finding.scan_id),
        *((f"Use: {name.replace('_', ' ')}", _listed(value)) for name, value in row["use"].items()),
    ]
    fetched = row.get("fetched")
    if fetched:
        facts += [("Address asked", fetched["url"]), ("Address that answered", fetched["final_url"])]
        facts += [(f"Header {name}", value) for name, value in sorted(fetched["headers"].items())]
    else:
        facts.append(("Response headers", "none kept: a check did not fetch it from the web"))
    yield sheet.facts(facts)


def _kept(gathered: Gathered) -> str:
    if gathered.picture is None:
        return "; the file is not kept"
    return f", {len(gathered.picture):,} bytes; the file is in the bundle as it came"


def _plates(sheet: Sheet, printed: Printed) -> Iterator[Flowable]:
    if not printed.plates:
        return
    yield from sheet.heading("Side by side", TALLEST + LEAST / 2)
    matters = {matter.of: matter for matter in printed.gathered.matters}
    for plate in printed.plates:
        matter = matters[plate.of]
        yield sheet.picture(plate.data, _caption(printed.gathered, matter, plate))


def _caption(gathered: Gathered, matter: Matter, plate: Plate) -> str:
    match = matter.match
    found = f"reference {match['reference']}" if match else "no reference"
    if match and match["reference"] not in gathered.references:
        found += ", which is no longer kept"
    points = f" Green: {plate.points} keypoints that geometry brings together." if plate.points else ""
    marks = "Red: the face." + (" Blue: what lies over each other." if matter.row.get("proof") else "")
    who = whom(gathered, matter.decision["talent"])
    return f"{named(matter)}: the flagged picture, left, and {found}, of {who}. {marks}{points}"


def _scores(sheet: Sheet, gathered: Gathered) -> Iterator[Flowable]:
    yield from sheet.heading("Scores and thresholds")
    yield sheet.text(
        "Strength is a calibrated log-likelihood ratio, similarity the raw cosine. The threshold is of the strength for "
        "faces, of the similarity or agreement for copies."
    )
    header = ("part", "talent", "reference", "signal", "similarity", "strength", "threshold", "band")
    rows = [line for matter in gathered.matters for line in _score_lines(gathered, matter)]
    yield sheet.table(header, rows, (0.1, 0.17, 0.17, 0.2, 0.1, 0.09, 0.09, 0.08))
    absent = gathered.row["signals"]["absent"]
    if absent:
        yield sheet.text(
            "Not looked at: " + "; ".join(f"{kind}: {why}" for kind, why in sorted(absent.items())) + "."
        )


def _score_lines(gathered: Gathered, matter: Matter) -> Iterator[Sequence[Any]]:
    """A face by the face signal, whatever its decision rests on; a copy by what found it."""
    row, applied = gathered.row, gathered.row["threshold_applied"]
    for found in matter.row.get("candidates", [matter.row]):
        signal = found.get("signal") or row["signals"]["face"]
        measured = (found["similarity"], found["strength"], applied.get(signal), found["band"])
        yield (named(matter), whom(gathered, found["talent"]), found["reference"], signal, *measured)


def _decisions(sheet: Sheet, gathered: Gathered) -> Iterator[Flowable]:
    yield from sheet.heading("Decisions and their reasons")
    for matter in gathered.matters:
        decision = matter.decision
        yield sheet.subheading(f"{named(matter)}, {whom(gathered, decision['talent'])}: {_verdict(decision)}")
        facts = [(reason["code"], reason["detail"]) for reason in decision["reasons"]]
        facts += [
            ("Row of the table", f"{decision['row']} (docs/consent.md)"),
            ("Inputs, SHA-256", decision["inputs_sha256"]),
        ]
        if matter.row.get("copy_class"):
            facts.insert(0, ("Copy class", matter.row["copy_class"]))
        yield sheet.facts(facts)


def _consents(sheet: Sheet, gathered: Gathered) -> Iterator[Flowable]:
    yield from sheet.heading("Consent records that were considered")
    if not gathered.records:
        yield sheet.text("None is on record.")
        return
    why = {
        (one["consent_id"], one["version"]): one
        for matter in gathered.matters
        for one in matter.decision["consents"]
    }
    at = datetime.fromisoformat(gathered.row["as_of"])
    for record in gathered.records:
        yield sheet.subheading(f"{record.consent_id}, version {record.version}")
        yield sheet.facts(_record_facts(record, why.get((record.consent_id, record.version)), at))


def _record_facts(record: ConsentRecord, looked_at: Row | None, at: datetime) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [("Status then", looked_at["status"] if looked_at else status(record, at))]
    if looked_at:
        facts.append(("Covers this use", "yes" if looked_at["covers"] else "no"))
        facts += [(f"Because: {reason['code']}", reason["detail"]) for reason in looked_at["why"]]
    if defects(record):
        facts.append(("Defects", ", ".join(defects(record))))
    terms = record.model_dump(mode="json", exclude={"consent_id", "version"}, exclude_defaults=True)
    return facts + list(_flat(terms))


def _flat(terms: Row, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in terms.items():
        path = f"{above}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.")
        elif value not in (None, [], ()):
            yield path, _listed(value)


def _credentials(sheet: Sheet, gathered: Gathered) -> Iterator[Flowable]:
    yield from sheet.heading("What the file says of itself")
    credentials = gathered.row["credentials"]
    facts = facts_of(credentials) if credentials else []
    yield sheet.facts(facts) if facts else sheet.text("Nothing that was kept.")


def _reviews(sheet: Sheet, gathered: Gathered) -> Iterator[Flowable]:
    yield from sheet.heading("What people decided")
    if not gathered.history:
        yield sheet.text("Nobody has decided on this finding yet.")
        return
    rows = [
        (one.version, _moment(one.at), one.outcome, one.key_id, one.note, one.document, one.document_sha256)
        for one in gathered.history
    ]
    header = ("version", "at", "outcome", "by key", "note", "document", "its SHA-256")
    yield sheet.table(header, rows, (0.07, 0.13, 0.13, 0.14, 0.21, 0.14, 0.18))


def _audit(sheet: Sheet, gathered: Gathered) -> Iterator[Flowable]:
    yield from sheet.heading("Audit excerpt")
    yield sheet.text(
        "Events of this finding and of the consents above. Each hash covers its event and the one before it."
    )
    rows = [
        (event.number, _moment(event.at), event.action, event.subject, event.hash)
        for event in gathered.events
    ]
    yield sheet.table(("number", "at", "action", "subject", "hash"), rows, (0.08, 0.17, 0.16, 0.23, 0.36))


def _verdict(decision: Row) -> str:
    qualifier = f": {decision['qualifier']}" if decision["qualifier"] else ""
    return f"{decision['verdict']}{qualifier}, severity {decision['severity']}"


def _listed(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or 'UTC'}"
