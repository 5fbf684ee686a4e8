"""Calibrating the configured face network on pictures of the user's own people.

    labelled pictures ─ decode, extract ─▶ one face each ─ compare ─▶ scores ─ fit ─▶ table ─ check by halves ─▶ made

A score is made as the registry makes it: a share of the mean template, the rest of the nearest reference, less how
common the template is where the table in force knows that (the new table keeps it). Every picture is compared with
all other people, at most two of one person, so that no single face makes the tail.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.composition import Application, Decoder
from api.population import Labelled
from data.sources import file_item
from detector.calibration import FaceCalibration
from detector.commonness import Commonness
from detector.errors import InputError, UsageError, WeightsError
from detector.fitting import Comparisons, fit, measured_rates
from detector.imagery import DecodedImage
from detector.ports import Extractor
from detector.signals import Face, SignalId
from indexer.shelf import mean_templates

Floats = NDArray[np.float32]

TEMPLATE_WEIGHT = 0.75
"""Share of the mean template in a score; docs/thresholds.md has the measurement."""

PICTURES = 2
"""Pictures of one person that are compared with other people."""

MATED, IMPOSTOR = 100, 20_000
"""Comparisons that a table needs at least. So many of two people measure a false match rate of 1 in 2,000."""

CHECKED = (0.01, 0.001)
"""False match rates that are asked of one half of the people and measured on the other."""

BATCH = 16
_ROWS = 256
"""Faces compared in one matrix product; bounds its memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A labelled picture and its face: the largest, where it is good enough."""

    label: Labelled
    face: Face


@dataclass(frozen=True, slots=True)
class Made:
    """A table, what it was made of, and what was left out. `checks`: for people to read."""

    table: FaceCalibration
    mated: int
    impostor: int
    people: int
    references: int
    left_out: Counter[str]
    checks: tuple[str, ...]

    def facts(self, source: str, at: datetime) -> dict[str, Any]:
        """How it was made, as the table's file tells it."""
        rates = measured_rates(self.impostor)
        return {
            "date": at.date().isoformat(),
            "how": "lookalike calibrate: linear logistic fit with equal class weights; the false match rate is read off "
            f"the comparisons of two people down to {rates[-1]:g} and goes on along a straight line in its logarithm",
            "pictures": source,
            "people": self.people,
            "references": self.references,
            "mated": self.mated,
            "impostor": self.impostor,
            "checks": list(self.checks),
        }


def calibrate(application: Application, labels: Sequence[Labelled], advance: Callable[[int], None]) -> Made:
    """Raises UsageError with code `too_few_pairs`, saying how many are missing, and WeightsError where faces are off."""
    signal = _face_signal(application.extractor)
    left_out: Counter[str] = Counter()
    seen = list(_seen(application, labels, left_out, advance))
    known = application.calibration.faces.get(signal)
    commonness = None if known is None else known.commonness
    found = compare(seen, commonness)
    require_enough(found)
    table = fit(signal, found, TEMPLATE_WEIGHT, measured_rates(len(found.impostor)))
    references = [one for one in seen if one.label.reference]
    people = frozenset[str]().union(*(one.label.shows for one in references))
    checks = tuple(_checks(signal, seen, commonness))
    table = replace(table, commonness=commonness)
    return Made(table, len(found.mated), len(found.impostor), len(people), len(references), left_out, checks)


def file_name(signal: SignalId) -> str:
    """Of the table of this signal in the user's folder."""
    return re.sub(r"[^a-z0-9.-]+", "-", str(signal).lower()) + ".json"


def require_enough(found: Comparisons) -> None:
    missing = MATED - len(found.mated), IMPOSTOR - len(found.impostor)
    if max(missing) <= 0:
        return
    raise UsageError(
        f"a table needs at least {MATED} comparisons of one person and {IMPOSTOR:,} of two people; these "
        f"pictures give {len(found.mated)} and {len(found.impostor):,}, so {max(0, missing[0])} and "
        f"{max(0, missing[1]):,} are missing: about 101 people with two usable pictures each are enough",
        code="too_few_pairs",
    )


def compare(seen: Sequence[Seen], commonness: Commonness | None = None) -> Comparisons:
    """Every face against the people with references: against its own where it is no reference itself, and against all
    others. commonness: what scores go without, as in the registry."""
    gallery = _Gallery.of([one for one in seen if one.label.reference])
    mated: list[float] = []
    impostor: list[Floats] = []
    pictures: Counter[str] = Counter()
    for one, scores in zip(seen, gallery.scores(seen, commonness), strict=True):
        own = np.array([person in one.label.shows for person in gallery.people], bool)
        if not one.label.reference:
            mated += scores[own].tolist()
        pictures[one.label.group] += 1
        if pictures[one.label.group] <= PICTURES:
            impostor.append(scores[~own])
    nobody = np.zeros(0, np.float32)
    return Comparisons(np.array(mated, np.float32), np.concatenate([nobody, *impostor]))


@dataclass(frozen=True, slots=True, eq=False)
class _Gallery:
    """The references as rows, in the order of their people; `starts`: where each person's begin."""

    people: tuple[str, ...]
    vectors: Floats
    templates: Floats
    starts: tuple[int, ...]

    @classmethod
    def of(cls, references: Sequence[Seen]) -> _Gallery:
        pairs = sorted(
            ((person, number) for number, one in enumerate(references) for person in one.label.shows)
        )
        people = [person for person, _ in pairs]
        starts = tuple(at for at, person in enumerate(people) if at == 0 or people[at - 1] != person)
        if not pairs:
            return cls((), np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32), ())
        vectors = np.stack([references[number].face.vector for _, number in pairs])
        weights = np.array([references[number].face.quality.score for _, number in pairs], np.float32)
        templates = mean_templates(vectors, np.maximum(weights, 1e-3), starts)
        return cls(tuple(people[at] for at in starts), vectors, templates, starts)

    def scores(self, seen: Sequence[Seen], commonness: Commonness | None) -> Iterator[Floats]:
        """Per face one score for each of `people`."""
        if not self.people:
            yield from (np.zeros(0, np.float32) for _ in seen)
            return
        less = np.float32(0) if commonness is None else commonness.of(self.templates)
        for at in range(0, len(seen), _ROWS):
            faces = np.stack([one.face.vector for one in seen[at : at + _ROWS]])
            best = np.maximum.reduceat(faces @ self.vectors.T, np.array(self.starts), axis=1)
            yield from best + TEMPLATE_WEIGHT * (faces @ self.templates.T - best) - less


def _checks(signal: SignalId, seen: Sequence[Seen], commonness: Commonness | None) -> Iterator[str]:
    """Fitted on one half of the people, measured on the other, both ways round."""
    groups = sorted({one.label.group for one in seen})
    first = set(groups[::2])
    halves = [[one for one in seen if (one.label.group in first) is side] for side in (True, False)]
    for fitted_on, measured_on in (halves, halves[::-1]):
        ours, others = compare(fitted_on, commonness), compare(measured_on, commonness)
        rates = measured_rates(len(ours.impostor))
        if len(rates) < 2 or not len(ours.mated):
            return
        yield _measured(fit(signal, ours, TEMPLATE_WEIGHT, rates), others)


def _measured(table: FaceCalibration, others: Comparisons) -> str:
    asked = []
    for rate in CHECKED:
        score = table.strength.inverse()(table.threshold(rate, 1))
        asked.append(f"{rate:.2%} asked, {float(np.mean(others.impostor > score)):.2%} measured")
    return f"false matches on the other half of the people: {'; '.join(asked)}"


def _face_signal(extractor: Extractor) -> SignalId:
    made_by = extractor.made_by
    if made_by.face is None:
        raise WeightsError("; ".join(made_by.absent.values()) or "the face signal is off")
    return made_by.face


def _seen(
    application: Application,
    labels: Iterable[Labelled],
    left_out: Counter[str],
    advance: Callable[[int], None],
) -> Iterator[Seen]:
    """Pictures with a usable face, in order; the others are counted by why they were left out."""
    remaining = iter(labels)
    while batch := list(islice(remaining, BATCH)):
        opened = list(application.pool.map(lambda label: _opened(label, application.decoder), batch))
        images = [image for image in opened if isinstance(image, DecodedImage)]
        extracted = iter(application.extractor.extract(images))
        for label, image in zip(batch, opened, strict=True):
            face = image if isinstance(image, str) else _largest(next(extracted).faces)
            if isinstance(face, str):
                left_out[face] += 1
            else:
                yield Seen(label, face)
        advance(len(batch))


def _opened(label: Labelled, decoder: Decoder) -> DecodedImage | str:
    """The picture, or the code of what is wrong with it."""
    try:
        return decoder(file_item(label.path).read(), source=str(label.path))
    except InputError as error:
        return error.code


def _largest(faces: Sequence[Face]) -> Face | str:
    if not faces:
        return "no_face"
    largest = max(faces, key=lambda face: face.box.area)
    return largest if largest.quality.usable else f"low_quality_{largest.quality.faults[0]}"
