"""The evaluation pictures as arrays: every face of the roster and the probes, extracted once and kept.

    gallery.csv, probes.csv ─ decode, find, align, embed ─▶ FaceTable (in a cache folder) ─▶ Gallery ─▶ scores

The table holds vectors and measurements of people who gave no consent to us, so it stays in the cache folder
named on the command line and never enters the repository.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.weights import WeightsCache
from detector import faces
from detector.commonness import Commonness
from detector.decoding import DecodeLimits, decode
from detector.errors import UndecodablePicture
from detector.faces.alignment import sampled
from detector.faces.networks import FaceNetworks, FoundFace
from detector.faces.sface import SIGNAL, SFace, unit
from detector.imagery import Pixels
from indexer.shelf import mean_templates

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
Pairs = Sequence[tuple[str, str]]
"""(talent, picture)."""

COLUMNS = ("picture", "vectors", "plain", "quality", "usable", "area")
CHUNK = 64


@dataclass(frozen=True, slots=True)
class Probe:
    image: str
    truth: frozenset[str]
    group: str
    kind: str

    @property
    def street(self) -> bool:
        """A press photograph of nobody registered: what false positives are measured on."""
        return not self.truth and (self.group, self.kind) == ("lfw", "real")

    @property
    def person(self) -> str:
        """Whose picture it is, for splitting by identity: the folder of LFW, else the talent."""
        return self.image.split("/")[1] if self.group == "lfw" else "|".join(sorted(self.truth)) or self.image


def read_probes(folder: Path) -> list[Probe]:
    with (folder / "probes.csv").open(newline="", encoding="utf-8") as file:
        return [
            Probe(row["image"], frozenset(row["truth"].split("|")) - {""}, row["set"], row["kind"])
            for row in csv.DictReader(file)
        ]


def read_gallery(folder: Path) -> list[tuple[str, str]]:
    with (folder / "gallery.csv").open(newline="", encoding="utf-8") as file:
        return [(row["talent_ref"], row["image"]) for row in csv.DictReader(file)]


@dataclass(frozen=True, eq=False)
class FaceTable:
    """All faces, one row each. picture: index into `images`; plain: the peer's
    vectors, of one pass over a crop without the area filter; area in
    square pixels; quality: the score; usable: no faults."""

    images: tuple[str, ...]
    picture: Places
    vectors: Floats
    plain: Floats
    quality: Floats
    usable: NDArray[np.bool_]
    area: Floats

    @cached_property
    def faces(self) -> dict[str, Places]:
        """The rows of each picture."""
        return {image: np.flatnonzero(self.picture == place) for place, image in enumerate(self.images)}

    def strangers(self, probes: Sequence[Probe]) -> Floats:
        """Vectors of people that nobody registered, one picture of each: the population of LFW."""
        people = {probe.person: self.enrolled(probe.image) for probe in reversed(probes) if probe.street}
        rows = [row for row in people.values() if row is not None and self.usable[row]]
        return self.vectors[rows]

    def enrolled(self, image: str) -> int | None:
        """The face a reference picture is enrolled with: its largest."""
        rows = self.faces[image]
        return int(rows[self.area[rows].argmax()]) if len(rows) else None


@dataclass(frozen=True, eq=False)
class Gallery:
    """Talents with their references as rows of a table, in talent order."""

    table: FaceTable
    talents: tuple[str, ...]
    rows: Places
    starts: Places

    @classmethod
    def of(cls, table: FaceTable, pairs: Pairs) -> Gallery:
        by_talent: dict[str, list[int]] = {}
        for talent, image in pairs:
            row = table.enrolled(image)
            if row is not None:
                by_talent.setdefault(talent, []).append(row)
        talents = tuple(sorted(by_talent))
        counts = [len(by_talent[talent]) for talent in talents]
        rows = np.array([row for talent in talents for row in by_talent[talent]])
        return cls(table, talents, rows, np.cumsum([0, *counts[:-1]]))

    def best(self, vectors: Floats) -> Floats:
        """Cosine of every face of the table to each talent's nearest reference: (faces, talents)."""
        similarities = vectors @ vectors[self.rows].T
        return np.asarray(np.maximum.reduceat(similarities, self.starts, axis=1))

    def templates(self, vectors: Floats, weights: Floats) -> Floats:
        """Each talent's mean template: (talents, dimension)."""
        return mean_templates(vectors[self.rows], weights[self.rows], self.starts.tolist())

    def template(self, vectors: Floats, weights: Floats) -> Floats:
        """Cosine of every face of the table to each talent's mean template: (faces, talents)."""
        return np.asarray(vectors @ self.templates(vectors, weights).T)

    def commonness(self, measured: Commonness | None) -> Floats:
        """Of each talent, as the registry has it: (talents,)."""
        templates = self.templates(self.table.vectors, self.table.quality)
        return np.zeros(len(templates), np.float32) if measured is None else measured.of(templates)

    def scores(self, template_weight: float, measured: Commonness | None) -> Floats:
        """Of every face of the table with each talent, as a calibration makes them: (faces, talents)."""
        best = self.best(self.table.vectors)
        template = self.template(self.table.vectors, self.table.quality)
        return np.asarray(best + template_weight * (template - best) - self.commonness(measured))


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The evaluation pictures as the benchmarks of the face match read them: faces, gallery, probes."""

    table: FaceTable
    gallery: Gallery
    probes: list[Probe]

    @classmethod
    def load(cls, folder: Path, cache: Path) -> Evaluation:
        probes, pairs = read_probes(folder), read_gallery(folder)
        images = dict.fromkeys([*(image for _, image in pairs), *(probe.image for probe in probes)])
        table = load_faces(folder, list(images), cache)
        return cls(table, Gallery.of(table, pairs), probes)


def load_faces(folder: Path, images: Sequence[str], cache: Path) -> FaceTable:
    """The faces of `images`, from the cache folder if this very code put them there."""
    code = [path.read_text(encoding="utf-8") for path in sorted(Path(faces.__file__).parent.glob("*.py"))]
    named = "\n".join([str(SIGNAL), *images, *code])
    kept = cache / f"faces-{hashlib.sha256(named.encode()).hexdigest()[:16]}.npz"
    if not kept.exists():
        found = _extract(folder, images)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, **{name: getattr(found, name) for name in COLUMNS})
        return found
    with np.load(kept) as arrays:
        return FaceTable(tuple(images), *(arrays[name] for name in COLUMNS))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One face. plain: its crop as the popular libraries cut it, without the area filter."""

    face: FoundFace
    plain: Pixels


def _extract(folder: Path, images: Sequence[str]) -> FaceTable:
    weights = WeightsCache(Path.home() / ".cache" / "lookalike")
    yunet, weights_of_sface = weights.ensure("yunet"), weights.ensure("sface")
    networks, sface = FaceNetworks(yunet, weights_of_sface), SFace(weights_of_sface)
    found: list[tuple[int, FoundFace]] = []
    vectors, plain = [], []
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(images), CHUNK):
            chunk = images[start : start + CHUNK]
            pictures = list(pool.map(lambda image: _find(networks, folder / image), chunk))
            seen = [(start + at, face) for at, picture in enumerate(pictures) for face in picture]
            parts = [[face for _, face in seen[at : at + 8]] for at in range(0, len(seen), 8)]
            for ours, peer in pool.map(lambda part: _vectors(sface, part), parts):
                vectors.append(ours)
                plain.append(peer)
            found += [(place, replace(one.face, crop=one.face.crop[:0])) for place, one in seen]
            print(f"\rextracted {start + len(chunk)} of {len(images)} pictures", end="", flush=True)
    print()
    return FaceTable(
        tuple(images),
        np.array([place for place, _ in found]),
        np.concatenate(vectors),
        np.concatenate(plain),
        np.array([face.quality.score for _, face in found], np.float32),
        np.array([face.quality.usable for _, face in found]),
        np.array([face.place.box[2] * face.place.box[3] for _, face in found], np.float32),
    )


def _vectors(sface: SFace, seen: Sequence[_Seen]) -> tuple[Floats, Floats]:
    """Ours, of the crop and its mirror; and the peer's, of one pass. The first pass is shared where both cut alike."""
    crops = [one.face.crop for one in seen]
    first = sface.plain(crops)
    ours = unit(first + sface.plain([crop[:, ::-1] for crop in crops]))
    other = [at for at, one in enumerate(seen) if not np.array_equal(one.plain, one.face.crop)]
    if other:
        first[other] = sface.plain([seen[at].plain for at in other])
    return ours, unit(first)


def _find(networks: FaceNetworks, path: Path) -> list[_Seen]:
    """No faces for a picture that cannot be decoded: the protocol counts it as not found."""
    try:
        image = decode(path.read_bytes(), DecodeLimits(), source=path.name)
    except UndecodablePicture:
        return []
    return [
        _Seen(face, sampled(image.pixels, face.place.points * image.scale)) for face in networks.find(image)
    ]
