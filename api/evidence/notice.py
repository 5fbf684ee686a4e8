"""The take-down notice: a draft from the finding, the statutes of configured jurisdictions, and a template.

    finding ─ due? ─▶ facts ─ template.render ─▶ text        statutes.toml ─ jurisdiction, limb, person, date ─▶ named

It goes to a stranger: the reasons of a decision, which may name other clients, stay out of it. Templates and statutes
are data (`data/takedown`, or the folder of the setting `notice_folder`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from api.evidence.gathering import Gathered, Matter
from detector.errors import SettingsError, UsageError
from detector.review import ReviewState

FOLDER = Path(__file__).parents[2] / "data" / "takedown"
TEMPLATE, STATUTES = "notice.txt", "statutes.toml"

STATEMENTS: Mapping[str, str] = {
    "no_consent": "No consent that covers this use is on record.",
    "revoked": "The consent was revoked, and the picture was used, or is still shown, after that.",
    "expired": "The consent has ended, and it covers no use after its term.",
    "not_yet_valid": "The use lies before the term of the consent.",
    "out_of_scope": "The use lies outside what was consented to.",
}
"""By verdict. Any other is no ground for a notice, unless a person confirmed the finding."""

CONFIRMED = "A person has looked at the picture and confirms that this use was not consented to."
SETTLED = frozenset({ReviewState.WRONG_PERSON, ReviewState.AUTHORISED_OUT_OF_BAND, ReviewState.SUPPRESSED})
BY_A_PERSON = frozenset({ReviewState.CONFIRMED, ReviewState.ESCALATED, ReviewState.TAKE_DOWN_SENT})


@dataclass(frozen=True, slots=True)
class Statute:
    """One line of the statutes file. limbs: replica, photo; persons: living, deceased; since: in force."""

    jurisdiction: str
    name: str
    says: str
    limbs: frozenset[str]
    persons: frozenset[str]
    since: date | None = None

    def fits(self, limbs: frozenset[str], persons: frozenset[str], on: date) -> bool:
        in_force = self.since is None or self.since <= on
        return in_force and bool(self.limbs & limbs) and bool(self.persons & persons)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: jurisdictions such as US-NY, EU; the contact and signature blocks; a folder of own templates."""

    jurisdictions: Sequence[str] = ()
    contact: str = ""
    signature: str = ""
    folder: Path | None = None


def draft_notice(gathered: Gathered, sender: Sender, today: date) -> str:
    """The text. Raises UsageError where the finding is no ground for one, SettingsError for a folder of no use."""
    matters = due(gathered)
    folder = sender.folder or FOLDER
    statutes = read_statutes(folder)
    unknown = sorted(set(sender.jurisdictions) - {statute.jurisdiction for statute in statutes})
    if unknown:
        raise UsageError(
            f"no statute is on file for {', '.join(unknown)}; there are "
            f"{', '.join(sorted({statute.jurisdiction for statute in statutes}))}"
        )
    fitting = [
        statute
        for statute in statutes
        if statute.jurisdiction in sender.jurisdictions
        and statute.fits(_limbs(matters), _persons(gathered), today)
    ]
    return _rendered(
        folder / TEMPLATE,
        _facts(gathered, matters, today)
        | {
            "statutes": fitting,
            "contact": _indented(sender.contact),
            "signature": _indented(sender.signature),
        },
    )


def due(gathered: Gathered) -> list[Matter]:
    """The parts of the picture that a notice may speak of. Raises UsageError when there is none."""
    state = gathered.finding.state
    if state in SETTLED:
        raise UsageError(
            f"the finding was settled as {state}: there is nothing to take down", code="notice_not_due"
        )
    found = [
        matter
        for matter in gathered.matters
        if matter.decision["talent"] in gathered.talents
        and (state in BY_A_PERSON or matter.decision["verdict"] in STATEMENTS)
    ]
    if not found:
        raise UsageError(
            f"the verdict is {gathered.finding.verdict}: a person has to confirm it before a notice is drafted",
            code="notice_not_due",
        )
    return found


def read_statutes(folder: Path) -> list[Statute]:
    """Raises SettingsError."""
    path = folder / STATUTES
    try:
        return [_statute(row) for row in tomllib.loads(path.read_text("utf-8"))["statute"]]
    except OSError as error:
        raise SettingsError(
            f"{path} can't be read ({error.strerror}); see the setting notice_folder"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} is no list of statutes ({error}); see the setting notice_folder"
        ) from error


def _statute(row: Mapping[str, Any]) -> Statute:
    since = row.get("from")
    if since is not None and type(since) is not date:
        raise ValueError(f"from: {since!r} is no date")
    lists = {name: frozenset(map(str, row[name])) for name in ("limbs", "persons")}
    return Statute(row["jurisdiction"], row["name"], row["says"], lists["limbs"], lists["persons"], since)


def _limbs(matters: Sequence[Matter]) -> frozenset[str]:
    """What the uses are known to be, or may be."""
    codes = {reason["code"] for matter in matters for reason in matter.decision["reasons"]}
    if "limb_unsure" in codes:
        return frozenset({"photo", "replica"})
    return frozenset({"replica"}) if "as_replica" in codes else frozenset({"photo"})


def _persons(gathered: Gathered) -> frozenset[str]:
    estates = any(record.subject.estate for record in gathered.records)
    return frozenset({"deceased"}) if estates else frozenset({"living"})


def _facts(gathered: Gathered, matters: Sequence[Matter], today: date) -> dict[str, Any]:
    row, finding = gathered.row, gathered.finding
    statements = list(dict.fromkeys(_statement(gathered, matter) for matter in matters))
    return {
        "date": today.isoformat(),
        "finding": finding.id,
        "url": _address(row),
        "sha256": finding.sha256,
        "seen": row["use"].get("seen_at") or f"{finding.created_at:%Y-%m-%d %H:%M} UTC",
        "client": row["use"].get("client"),
        "persons": list(_named(gathered, matters)),
        "statements": statements,
    }


def _statement(gathered: Gathered, matter: Matter) -> str:
    return STATEMENTS.get(matter.decision["verdict"], CONFIRMED)


def _address(row: Mapping[str, Any]) -> str:
    """Where it can be looked up by a stranger: a web address, else the host that was claimed."""
    if row.get("fetched"):
        return str(row["fetched"]["url"])
    source = str(row["source"])
    return source if source.startswith(("https://", "http://")) else str(row["use"].get("domain") or "")


def _named(gathered: Gathered, matters: Sequence[Matter]) -> Iterator[dict[str, Any]]:
    for talent_id in dict.fromkeys(matter.decision["talent"] for matter in matters):
        ref, name = gathered.talents[talent_id]
        own = [matter for matter in matters if matter.decision["talent"] == talent_id]
        wanted = {matter.match["reference"] for matter in own if matter.match}
        shown = [gathered.references[each].reference for each in sorted(wanted & gathered.references.keys())]
        references = [{"id": reference.id, "sha256": reference.sha256} for reference in shown]
        yield {"ref": ref, "name": name, "how": _how(own), "references": references}


def _how(matters: Sequence[Matter]) -> str:
    kinds = {matter.of.partition("/")[0] for matter in matters}
    if "ingredients" in kinds:
        return "The file itself says that it was made from our reference picture."
    if "copies" in kinds:
        return "The picture is a copy of our reference picture, or holds one."
    return "The face in the picture matches our reference pictures above the threshold that is applied."


def _indented(block: str) -> str:
    return "\n   ".join(line.strip() for line in block.strip().splitlines())


def _rendered(path: Path, facts: Mapping[str, Any]) -> str:
    environment = SandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    try:
        return environment.from_string(path.read_text("utf-8")).render(facts)
    except OSError as error:
        raise SettingsError(
            f"{path} can't be read ({error.strerror}); see the setting notice_folder"
        ) from error
    except (TemplateError, ValueError) as error:
        raise SettingsError(f"{path} is no template that can be used: {error}") from error
