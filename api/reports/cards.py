"""What the HTML report shows of one flagged row: its subjects (one per talent), their evidence and their
decisions.

Plain values for a template without logic. Faces that are nobody registered get no box: they are strangers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from api.reports.credentials import Fact, facts_of
from api.reports.rows import assigned, decided, made_from, overlap_of
from api.reports.thumbnails import Thumbnail
from detector.decision import Severity
from detector.finding import Row
from detector.signals import Box

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
REFERENCES_SHOWN = 2


@dataclass(frozen=True, slots=True)
class ReferencePicture:
    """A reference as the report shows it; `box` is the enrolled face as fractions of the picture, `region` the corners
    of what the picture under check copies, in percent."""

    reference_id: str
    picture: Thumbnail | None
    box: Box | None
    source: str
    region: str | None = None


class Gallery(Protocol):
    """Where a report gets its pictures and names. Pictures that are gone or changed are None."""

    def picture(self, row: Row) -> Thumbnail | None: ...

    def reference(self, reference_id: str) -> ReferencePicture | None: ...

    def name(self, talent_id: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Gauge:
    """One score on a scale. `at` and `threshold_at` are positions in percent."""

    label: str
    value: float
    threshold: float | None
    at: float
    threshold_at: float | None
    similarity: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The range that the strengths of a whole run span, so that two cards can be compared."""

    low: float
    high: float

    def position(self, value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 2)


@dataclass(frozen=True, slots=True)
class Marked:
    """A box to draw, as percentages of the picture."""

    letter: str
    severity: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Region:
    """What a copied reference lies over: `points` are the corners in percent of the picture, as SVG has them."""

    severity: str
    points: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One talent of the picture: what was matched and what the rules say of it."""

    letter: str
    name: str
    ref: str
    severity: str
    evidence: tuple[Gauge, ...]
    overlaps: tuple[str, ...]
    runner_up: str | None
    decisions: tuple[Row, ...]
    references: tuple[ReferencePicture, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One flagged picture."""

    number: int
    row: Row
    picture: Thumbnail | None
    boxes: tuple[Marked, ...]
    regions: tuple[Region, ...]
    subjects: tuple[Subject, ...]
    strangers: int
    file_facts: tuple[Fact, ...] = ()


def card_of(number: int, row: Row, gallery: Gallery, scale: Scale) -> Card:
    """Everything that the report shows of one row."""
    talents = _by_talent(row)
    letters = {talent: LETTERS[at % len(LETTERS)] for at, talent in enumerate(talents)}
    return Card(
        number=number,
        row=row,
        picture=gallery.picture(row),
        boxes=tuple(_boxes(row, letters)),
        regions=tuple(_regions(row)),
        subjects=tuple(
            _subject(letters[talent], talent, items, row, gallery, scale) for talent, items in talents.items()
        ),
        strangers=sum(1 for face in row["faces"] if not face["talent"]),
        file_facts=tuple(facts_of(row["credentials"])) if row.get("credentials") else (),
    )


def _by_talent(row: Row) -> dict[str, list[Row]]:
    """Faces and copies of each talent, the talent with the gravest decision first."""
    grouped: dict[str, list[Row]] = {}
    for item in decided(row):
        grouped.setdefault(item["talent"], []).append(item)
    return dict(sorted(grouped.items(), key=lambda pair: -_gravest(pair[1]).rank))


def _gravest(items: list[Row]) -> Severity:
    return max((Severity(item["decision"]["severity"]) for item in items), key=lambda severity: severity.rank)


def _boxes(row: Row, letters: dict[str, str]) -> Iterator[Marked]:
    for face in row["faces"]:
        if face["talent"]:
            box = face["box_normalised"]
            percent = (round(100 * box[side], 3) for side in ("x", "y", "width", "height"))
            yield Marked(letters[face["talent"]], face["decision"]["severity"], *percent)


def _regions(row: Row) -> Iterator[Region]:
    for copy in row["copies"]:
        if copy.get("proof"):
            yield Region(copy["decision"]["severity"], _corners(copy["proof"]["picture_region"]))


def _corners(region: list[list[float]]) -> str:
    return " ".join(f"{100 * x:.2f},{100 * y:.2f}" for x, y in region)


def _subject(letter: str, talent: str, items: list[Row], row: Row, gallery: Gallery, scale: Scale) -> Subject:
    ref = next(ref for item in items for ref in _refs(item))
    return Subject(
        letter=letter,
        name=gallery.name(talent) or ref,
        ref=ref,
        severity=_gravest(items),
        evidence=tuple(gauge for item in items for gauge in _gauges(item, row, scale)),
        overlaps=tuple(told for item in items for told in _whole(item)),
        runner_up=next((text for item in items for text in _runner_up(item)), None),
        decisions=tuple(_distinct_decisions(items)),
        references=tuple(_references(items, gallery)),
    )


def _whole(item: Row) -> Iterator[str]:
    """How a whole reference lies in the picture, or came to be part of it."""
    if "relationship" in item:
        yield made_from(item)
    elif "candidates" not in item and (told := overlap_of(item)):
        yield told


def _refs(item: Row) -> Iterator[str]:
    chosen = assigned(item) if "candidates" in item else item
    yield str((chosen and chosen["talent_ref"]) or item["talent"])


def _gauges(item: Row, row: Row, scale: Scale) -> Iterator[Gauge]:
    thresholds = row["threshold_applied"]
    if "candidates" in item:
        chosen = assigned(item)
        if chosen:
            yield _gauge("face", chosen, chosen["strength"], thresholds.get(row["signals"]["face"]), scale)
        return
    kind = _kind(item)
    method = item["signal"].split("@")[0].partition("/")[2]
    threshold = thresholds.get(item["signal"])
    yield _gauge(f"{kind} ({method})", item, item["similarity"], threshold, Scale(0.0, 1.0))


def _kind(item: Row) -> str:
    """What a whole reference is to the picture."""
    if "relationship" in item:
        return "ingredient"
    return f"copy, {(item['copy_class'] or 'possible copy').replace('_', ' ')}"


def _gauge(label: str, scored: Row, value: float, threshold: float | None, scale: Scale) -> Gauge:
    return Gauge(
        label=label,
        value=value,
        threshold=threshold,
        at=scale.position(value),
        threshold_at=None if threshold is None else scale.position(threshold),
        similarity=scored["similarity"],
    )


def _runner_up(item: Row) -> Iterator[str]:
    others = [each for each in item.get("candidates", []) if each["talent"] != item["talent"]]
    if others:
        ref = others[0]["talent_ref"] or others[0]["talent"]
        yield f"next candidate: {ref}, similarity {others[0]['similarity']:.2f}"


def _distinct_decisions(items: list[Row]) -> Iterator[Row]:
    seen: set[Any] = set()
    ranked = sorted(items, key=lambda item: -Severity(item["decision"]["severity"]).rank)
    for item in ranked:
        decision = item["decision"]
        key = (
            decision["verdict"],
            decision["qualifier"],
            tuple(each["code"] for each in decision["reasons"]),
        )
        if key not in seen:
            seen.add(key)
            yield decision


def _references(items: list[Row], gallery: Gallery) -> Iterator[ReferencePicture]:
    chosen = [assigned(item) if "candidates" in item else item for item in items]
    ids = dict.fromkeys(each["reference"] for each in chosen if each)
    proven = [item for item in items if item.get("proof")]
    regions = {item["reference"]: _corners(item["proof"]["reference_region"]) for item in proven}
    for reference_id in list(ids)[:REFERENCES_SHOWN]:
        reference = gallery.reference(reference_id)
        if reference is not None:
            yield replace(reference, region=regions.get(reference_id))
