"""The demonstration: two people, their consents, ten pictures, and what Lookalike says of each.

    samples (public domain) ─ stage ─▶ a folder anybody can read: pictures, roster.csv, consents, manifest.csv
                            ─ register ─▶ a store of its own ─▶ the ordinary scan of that manifest

Nothing here knows a verdict: pictures are made from the portraits when the demo runs, and go the way of any
scan. The files it leaves are the examples for a person's own.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from api.consents import read_document
from api.importing import RosterImport
from api.roster import read_roster
from detector.errors import Conflict, UsageError

if TYPE_CHECKING:
    from api.composition import Application

MARKER = ".lookalike-demo"
PEOPLE = {"obama": "Barack Obama", "biden": "Joe Biden"}
REFERENCES = (("obama", "obama.jpg"), ("obama", "obama2.jpg"), ("biden", "biden.jpg"))
CLIENT, STRANGER = "Aurora Press", "Bold Cola"

CONSENT = """\
# Invented for this demonstration: {name} has granted nobody anything.
kind = "photo_use"
consent_id = "aurora-{talent}"
talent_id = "{talent}"

[grantor]
role = "self"

[grantee]
client = "Aurora Press"
domains = ["aurora-press.example"]

[scope]
assets = "any"
campaigns = "any"
products = "any"
media = ["print", "ecommerce"]
alterations = ["crop", "colour"]

[purpose]
code = "editorial"
description = "Illustration of articles in the client's own magazine and shop."

[pay]
amount = 1500
currency = "USD"
unit = "flat"

[duration]
timezone = "America/New_York"
valid_from = {valid_from}
valid_to = {valid_to}

[territory]
include = ["US", "CA"]

[form]
separate = true
conspicuous = true
signed_at = {signed}
method = "signed on paper"
"""


@dataclass(frozen=True, slots=True)
class Samples:
    """The sample portraits, by file name."""

    folder: Path

    def image(self, name: str) -> Image.Image:
        with Image.open(self.folder / name) as picture:
            return picture.convert("RGB")


@dataclass(frozen=True, slots=True)
class Case:
    """One picture of the demo: what it is, how it is made, and the use that is claimed."""

    file: str
    about: str
    make: Callable[[Samples], Image.Image]
    use: Mapping[str, str]


def _use(client: str, medium: str, declared_ai: str, **more: str) -> Mapping[str, str]:
    common = {"purpose": "editorial", "territory": "US"}
    return {**common, "client": client, "medium": medium, "declared_ai": declared_ai, **more}


def _smaller(samples: Samples) -> Image.Image:
    return ImageOps.contain(samples.image("obama.jpg"), (560, 560))


def _cropped(samples: Samples) -> Image.Image:
    picture = samples.image("obama2.jpg")
    width, height = picture.size
    return picture.crop((width // 12, height // 20, width * 11 // 12, height * 17 // 20))


def _graded(samples: Samples) -> Image.Image:
    picture = ImageEnhance.Color(samples.image("obama2.jpg")).enhance(1.5)
    return ImageEnhance.Contrast(picture).enhance(1.15)


def _mirrored(samples: Samples) -> Image.Image:
    return ImageOps.mirror(samples.image("biden.jpg"))


def _side_by_side(samples: Samples) -> Image.Image:
    pictures = [ImageOps.fit(samples.image(name), (480, 600), centering=(0.5, 0.2)) for name in _PAIR]
    joined = Image.new("RGB", (960, 600))
    for place, picture in enumerate(pictures):
        joined.paste(picture, (480 * place, 0))
    return joined


_PAIR = ("obama3.jpg", "astronaut.png")


def _bottle(_: Samples) -> Image.Image:
    picture = Image.new("RGB", (600, 800), (236, 232, 224))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((220, 260, 380, 720), 40, fill=(32, 92, 70))
    draw.rectangle((270, 120, 330, 280), fill=(32, 92, 70))
    draw.rectangle((235, 420, 365, 560), fill=(246, 240, 222))
    return picture


CASES = (
    Case(
        "magazine.jpg",
        "a smaller copy of a licensed portrait",
        _smaller,
        _use(CLIENT, "print", "no"),
    ),
    Case(
        "new-portrait.jpg",
        "another portrait, licensed client",
        lambda samples: samples.image("obama3.jpg"),
        _use(CLIENT, "print", "no"),
    ),
    Case("spot.jpg", "a crop, on television", _cropped, _use(CLIENT, "tv", "no")),
    Case("ai-edit.jpg", "regraded, declared as AI-edited", _graded, _use(CLIENT, "print", "yes")),
    Case(
        "billboard.jpg",
        "beside a stranger, by a client without consent",
        _side_by_side,
        _use(STRANGER, "ooh", ""),
    ),
    Case("reprint.jpg", "mirrored, after the licence ended", _mirrored, _use(CLIENT, "print", "no")),
    Case(
        "found-online.jpg",
        "a portrait found online, nobody knows whose page",
        lambda samples: samples.image("obama3.jpg"),
        {},
    ),
    Case(
        "half-hidden.jpg",
        "half a face, in another brand's shop",
        lambda samples: samples.image("obama_partial_face.jpg"),
        _use(STRANGER, "ecommerce", "no"),
    ),
    Case(
        "astronaut.jpg",
        "a portrait of nobody registered",
        lambda samples: samples.image("astronaut.png"),
        _use(STRANGER, "social_paid", "no"),
    ),
    Case("bottle.jpg", "a product, nobody in it", _bottle, _use(STRANGER, "ecommerce", "no")),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the demo lies. `manifest` is what is scanned, `roster` and `consents` what is registered."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.csv"

    @property
    def roster(self) -> Path:
        return self.folder / "roster.csv"

    def consent(self, talent: str) -> Path:
        return self.folder / f"consent-{talent}.toml"


def prepare(folder: Path) -> Scene:
    """An empty folder for the demo. Only a folder that an earlier demo made is emptied. Raises UsageError."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise UsageError(f"{folder} holds something else already; give --dir a new folder.")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).touch()
    except OSError as error:
        raise UsageError(f"{folder} can't be made: {error.strerror}; give --dir another folder.") from error
    return Scene(folder)


def stage(scene: Scene, samples: Samples, now: datetime) -> None:
    """Write pictures, roster, consents and manifest. All dates are near `now`: the demo never goes stale."""
    (scene.folder / "references").mkdir()
    (scene.folder / "pictures").mkdir()
    for _, name in REFERENCES:
        shutil.copyfile(samples.folder / name, scene.folder / "references" / name)
    for case in CASES:
        _save(case.make(samples), scene.folder / "pictures" / case.file)
    _write_table(scene.roster, _roster_rows(now))
    _write_table(scene.manifest, _manifest_rows(now))
    for talent, ends in (("obama", now + timedelta(days=180)), ("biden", now - timedelta(days=30))):
        scene.consent(talent).write_text(_consent(talent, ends, now), encoding="utf-8")


def _save(picture: Image.Image, path: Path) -> None:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    path.write_bytes(buffer.getvalue())


def _write_table(path: Path, rows: list[dict[str, str]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _roster_rows(now: datetime) -> list[dict[str, str]]:
    signed, until = now - timedelta(days=90), now + timedelta(days=700)
    return [
        {
            "talent_ref": talent,
            "name": PEOPLE[talent],
            "image": f"references/{name}",
            "release_signed_at": f"{signed:%Y-%m-%d}",
            "retain_until": f"{until:%Y-%m-%d}",
        }
        for talent, name in REFERENCES
    ]


def _manifest_rows(now: datetime) -> list[dict[str, str]]:
    published = f"{now - timedelta(days=1):%Y-%m-%d}"
    return [
        {
            "image": f"pictures/{case.file}",
            "about": case.about,
            "published_at": published,
            **case.use,
        }
        for case in CASES
    ]


def put_on_record(scene: Scene, application: Application, now: datetime) -> None:
    """Put the people, their releases, pictures and consents on record. Raises Conflict for a rejected
    picture."""
    importing = RosterImport(application.store, application.registration, application.enroller_keeping)
    for result in importing.run(read_roster(scene.roster), now):
        if result.status == "rejected":
            raise Conflict(f"the demo's {result.image} was not accepted: {result.detail}")
    for talent in PEOPLE:
        application.registration.record_consent(read_document(scene.consent(talent)), None)


def _consent(talent: str, ends: datetime, now: datetime) -> str:
    return CONSENT.format(
        talent=talent,
        name=PEOPLE[talent],
        signed=f"{now - timedelta(days=88):%Y-%m-%d}",
        valid_from=f"{now - timedelta(days=80):%Y-%m-%d}",
        valid_to=f"{ends:%Y-%m-%d}",
    )
