"""The plates and the PDF: what a person reads is what was found, whatever strangers wrote into it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.composition import Application
from api.evidence.exporting import export
from api.evidence.gathering import Gathered, Matter, Shown, gather
from api.evidence.plates import LINE, MARGIN, MARK, REGION, draw_plate
from api.evidence.report import Printed, report_pdf
from api.evidence.sheet import Sheet
from api.evidence.verifying import verify
from data.checkpoints import write_new_key
from data.store.findings import KeptFinding, NewFinding
from data.store.keys import NewKey
from detector.access import Role
from detector.errors import SettingsError
from detector.review import Judgement, ReviewState
from detector.use import Use
from tests.api.colours import NOW, Installation
from tests.api.evidence.conftest import USE
from tests.detector.drawn import scene

FETCHED = {
    "url": "https://shop.acme.example/17.png",
    "final_url": "https://cdn.acme.example/17.png",
    "headers": {"date": "Mon, 01 Jun 2026 12:00:00 GMT", "etag": '"17"'},
}


def text_of(pdf: bytes) -> str:
    """Every text of an uncompressed PDF in the built-in fonts, in order, without line breaks."""
    shown = re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", pdf)
    return " ".join(re.sub(rb"\\([()\\])", rb"\1", each).decode("cp1252", "replace") for each in shown)


def printed(gathered: Gathered, font: Path | None = None) -> bytes:
    return report_pdf(Printed(gathered, (), NOW, "ab" * 32, font))


def test_the_report_tells_what_was_found_and_on_which_records(
    application: Application, keep: Callable[..., KeptFinding]
) -> None:
    finding = keep(fetched=FETCHED)
    judgement = Judgement(ReviewState.CONFIRMED, "seen in the shop")
    application.store.findings.review(finding.id, 0, judgement, finding.key_id)
    text = text_of(printed(gather(application.store, finding.id)))
    for told in (
        finding.id,
        "no_consent: photo_licence_only",
        "Name of AG-1 (AG-1)",
        "https://cdn.acme.example/17.png",
        "Mon, 01 Jun 2026 12:00:00 GMT",
        "licence-1, version 1",
        "photo_use",
        "seen in the shop",
        "finding.reviewed",
        "no legal advice",
    ):
        assert told in text, told
    assert f"{finding.row['decision']['threshold']}" in text


def test_words_of_strangers_are_printed_and_never_obeyed(
    application: Application, keep: Callable[..., KeptFinding]
) -> None:
    hostile = "</para><img src='/etc/passwd'/><b>A & B\x00\u202e\n"
    finding = keep(use=replace(USE, campaign=hostile, product="張"))
    text = text_of(printed(gather(application.store, finding.id)))
    assert "</para><img" in text.replace("  ", " ")
    assert "[U+5F35]" in text, "what the font can't print is told by its code point"


def test_a_long_text_neither_breaks_the_report_nor_fills_it(
    application: Application, keep: Callable[..., KeptFinding]
) -> None:
    finding = keep(use=replace(USE, campaign="x" * 50_000))
    pdf = printed(gather(application.store, finding.id))
    assert "in full in the bundle" in text_of(pdf)
    assert pdf.count(b"/Type /Page\n") < 10


def test_the_same_content_is_the_same_file(application: Application, finding: KeptFinding) -> None:
    gathered = gather(application.store, finding.id)
    assert printed(gathered) == printed(gathered)


def test_a_font_that_is_none_is_told(application: Application, finding: KeptFinding, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="evidence_font"):
        printed(gather(application.store, finding.id), tmp_path / "none.ttf")
    assert Sheet().pdf([Sheet().text("é ß €")], "é").startswith(b"%PDF")


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def near(sheet: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels have about this colour; JPEG blurs them."""
    return int((np.abs(sheet.astype(int) - colour).max(axis=2) < 40).sum())


def test_a_plate_of_a_copy_shows_regions_and_keypoints(
    application: Application, finding: KeptFinding
) -> None:
    picture = png(scene(1))
    region = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
    part = {
        "talent": "tal",
        "reference": "ref",
        "proof": {"picture_region": region, "reference_region": region},
        "decision": finding.row["decision"],
    }
    reference = next(iter(gather(application.store, finding.id).references.values())).reference
    plate = draw_plate(Matter("copies/0", part), picture, Shown(reference, picture), application.decoder)
    assert plate is not None
    assert plate.points >= 12
    sheet = np.asarray(Image.open(io.BytesIO(plate.data)))
    bare = draw_plate(
        Matter("copies/0", {**part, "proof": None}), picture, Shown(reference, None), application.decoder
    )
    assert bare is not None
    assert bare.points == 0
    alone = np.asarray(Image.open(io.BytesIO(bare.data)))
    assert alone.shape[1] == 320 + 2 * MARGIN, "without a reference the picture stands alone"
    for colour in (LINE, REGION):
        assert near(sheet, colour) > 2 * near(alone, colour) + 200, colour


def test_a_plate_of_a_face_marks_that_face_alone(application: Application, finding: KeptFinding) -> None:
    """The red person is in the left half; the stranger in the right half has no box."""
    gathered = gather(application.store, finding.id)
    (matter,) = gathered.matters
    assert gathered.picture is not None
    shown = gathered.references[matter.match["reference"]] if matter.match else None
    plate = draw_plate(matter, gathered.picture, shown, application.decoder)
    assert plate is not None
    sheet = np.asarray(Image.open(io.BytesIO(plate.data)))
    stranger = sheet[MARGIN + 8 : MARGIN + 56, MARGIN + 44 : MARGIN + 60]
    assert near(stranger, MARK) == 0
    assert draw_plate(matter, b"no picture", shown, application.decoder) is None


@pytest.mark.weights
@pytest.mark.slow
def test_with_real_networks_a_copy_and_a_face_are_proven_and_decided_again(
    tmp_path: Path, sample_dir: Path, weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.checking import Check, Checker
    from api.composition import Parts
    from detector.pipeline import Submission

    monkeypatch.setenv("LOOKALIKE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(weights_dir))
    monkeypatch.setenv("LOOKALIKE_AUDIT_KEY_FILE", str(tmp_path / "audit.pem"))
    public = write_new_key(tmp_path / "audit.pem")
    here = Installation(tmp_path, Parts(clock=lambda: NOW))
    here.run("talent", "add", "AG-1", "Ada Example")
    here.run("enroll", "AG-1", sample_dir / "obama.jpg", "--release-signed-at", "2026-01-01")
    with Image.open(sample_dir / "obama.jpg") as whole:
        buffer = io.BytesIO()
        whole.convert("RGB").resize((600, 750)).save(buffer, "JPEG", quality=80)
    with Application(here.configured, here.parts) as application:
        key, _ = application.store.keys.create(NewKey(Role.ADMIN, "the desk"))
        refs = application.store.talents.refs
        checker = Checker(application.detector(), lambda ids: refs(sorted(ids)), application.clock)
        (row,) = checker.rows([Check(Submission("x.jpg", buffer.getvalue(), Use(client="Acme")))])
        kept = application.store.findings.add(NewFinding(row, key.id, picture=buffer.getvalue()))
        assert kept is not None
        gathered = gather(application.store, kept.id)
        copies = [matter for matter in gathered.matters if matter.of.startswith("copies/")]
        shown = gathered.references[copies[0].row["reference"]]
        plate = draw_plate(copies[0], buffer.getvalue(), shown, application.decoder)
        assert plate is not None
        assert plate.points >= 20
        found = verify(export(application, kept.id, "operator"), public)
    assert [check.name for check in found.checks if not check.holds] == []
    assert {matter.of for matter in gathered.matters} >= {"faces/0", "copies/0"}
