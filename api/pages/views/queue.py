"""The review queue as a page shows it: what was asked for, the tabs, the rows. Pure.

address ─ asked_of ─▶ Asked ─ wanted ─▶ FindingFilter          Asked ─ query ─▶ address, for links
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from api.pages.templating import filename, words
from api.pages.views.outcomes import NAMES
from api.reports.rows import decided, reasons, talent_refs
from data.store.findings import KeptFinding
from data.store.queue import FindingFilter, Sort
from detector.decision import Severity, Verdict
from detector.review import BENIGN, PENDING, ReviewState

GROUPS: Mapping[str, tuple[str, frozenset[ReviewState]]] = {
    "open": ("Open", frozenset({ReviewState.OPEN})),
    "escalated": ("Escalated", frozenset({ReviewState.ESCALATED})),
    "confirmed": ("Confirmed", frozenset({ReviewState.CONFIRMED, ReviewState.TAKE_DOWN_SENT})),
    "closed": ("Closed", BENIGN | {ReviewState.RESOLVED}),
    "repeated": ("Repeated", frozenset({ReviewState.SUPPRESSED})),
    "all": ("All", frozenset()),
}
"""The tabs: the name of each, and the states behind it."""

SORTS = ((Sort.GRAVEST, "Gravest first"), (Sort.OLDEST, "Oldest first"), (Sort.NEWEST, "Newest first"))
SEVERITIES = ("", *(str(severity) for severity in reversed(Severity) if severity is not Severity.NONE))
VERDICTS = ("", *(str(verdict) for verdict in reversed(Verdict) if verdict.rank > Verdict.AUTHORISED.rank))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is to show. What is not understood counts as not asked."""

    state: str = "open"
    severity: str = ""
    verdict: str = ""
    client: str = ""
    talent: str = ""
    scan: str = ""
    sort: str = str(Sort.GRAVEST)

    @property
    def narrowed(self) -> bool:
        """Whether more than a tab was chosen."""
        return any((self.severity, self.verdict, self.client, self.talent, self.scan))

    def wanted(self) -> FindingFilter:
        return FindingFilter(
            states=GROUPS[self.state][1],
            severities=(self.severity,) if self.severity else (),
            verdicts=(self.verdict,) if self.verdict else (),
            client=self.client or None,
            talent_id=self.talent or None,
            scan_id=self.scan or None,
        )

    def query(self, **more: str) -> str:
        """The address's part behind the question mark: only what differs from the default."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        usual = {field.name: field.default for field in fields(self)}
        return urlencode({name: value for name, value in said.items() if value != usual[name]} | more)


def asked_of(given: Mapping[str, str]) -> Asked:
    """What the address asks for."""
    known = {field.name: given.get(field.name, "").strip()[:200] for field in fields(Asked)}
    asked = Asked(**known)
    return replace(
        asked,
        state=asked.state if asked.state in GROUPS else Asked().state,
        severity=asked.severity if asked.severity in SEVERITIES else "",
        verdict=asked.verdict if asked.verdict in VERDICTS else "",
        sort=asked.sort if asked.sort in [str(sort) for sort, _ in SORTS] else Asked().sort,
    )


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its name with how many there are, its address, and whether it is the one shown."""

    name: str
    count: int
    path: str
    current: bool


def tabs_of(asked: Asked, counts: Mapping[tuple[ReviewState, str], int]) -> list[Tab]:
    """`counts` are by state and severity, of everything that the viewer may see."""
    return [
        Tab(name, _counted(counts, states), f"/review?{Asked(state=group).query()}", group == asked.state)
        for group, (name, states) in GROUPS.items()
    ]


def _counted(counts: Mapping[tuple[ReviewState, str], int], states: frozenset[ReviewState]) -> int:
    return sum(found for (state, _), found in counts.items() if not states or state in states)


GENERAL = frozenset({"as_replica", "limb_unsure"})
"""Reasons that say how a picture is judged, not what came of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the queue."""

    finding: KeptFinding
    title: str
    path: str
    thumb: str | None
    who: tuple[str, ...]
    qualifier: str | None
    why: str
    state: str


def lines_of(found: Sequence[KeptFinding], names: Mapping[str, str], asked: Asked) -> list[Line]:
    """The rows. `names` are those of the talents that the viewer may see, by id; others go by their reference."""
    return [_line(finding, names, asked) for finding in found]


def _line(finding: KeptFinding, names: Mapping[str, str], asked: Asked) -> Line:
    query = asked.query()
    why = reasons(finding.row)
    decision = finding.row["decision"]
    return Line(
        finding=finding,
        title=filename(finding.source),
        path=f"/review/{finding.id}" + (f"?{query}" if query else ""),
        thumb=f"/pictures/findings/{finding.id}?size=thumb" if finding.picture else None,
        who=tuple(_who(finding, names)),
        qualifier=decision["qualifier"] if decision else None,
        why=next((each["detail"] for each in why if each["code"] not in GENERAL), ""),
        state=NAMES[finding.state],
    )


def _who(finding: KeptFinding, names: Mapping[str, str]) -> list[str]:
    """Names where the viewer may see all of them, else references: never the two mixed."""
    found = list(dict.fromkeys(item["talent"] for item in decided(finding.row)))
    if found and all(talent in names for talent in found):
        return [names[talent] for talent in found]
    return talent_refs(finding.row)


def lede_of(counts: Mapping[tuple[ReviewState, str], int]) -> str:
    """One sentence: how much waits, and how grave."""
    waiting = {
        severity: sum(n for (state, its), n in counts.items() if its == severity and state in PENDING)
        for severity in SEVERITIES[1:]
    }
    total = sum(waiting.values())
    if not total:
        return "Nothing waits for a person."
    parts = [f"{count} {words(severity)}" for severity, count in waiting.items() if count]
    return f"{total} {'picture waits' if total == 1 else 'pictures wait'} for a person: {', '.join(parts)}."
