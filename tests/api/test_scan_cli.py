"""`check` and `scan` as a person calls them: real store, real sources, real decoder; only the networks are
small.

`NobodySeen` implements the extractor's port: it names the calibrated face signal and finds no face in
anything.
"""

from __future__ import annotations

import csv
import io
import json
import os
import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pillow_heif
import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from typer.testing import CliRunner, Result

from api.commands import app
from api.composition import Parts
from detector.imagery import DecodedImage
from detector.signals import SignalId, Signals, SignalSet

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FACE = SignalId.parse("face/sface@2021dec/yunet-2023mar.similarity-112-area.mirror-sum")
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "finding.schema.json").read_text("utf-8"))


class NobodySeen:
    """`interrupt_at`: the batch during which the person presses Ctrl-C, once."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.batches, self.interrupt_at = 0, interrupt_at

    @property
    def made_by(self) -> SignalSet:
        return SignalSet(FACE, None, (), {})

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        self.batches += 1
        if self.batches == self.interrupt_at:
            raise KeyboardInterrupt
        return [Signals((), None, {}, self.made_by) for _ in images]

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def lookalike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOKALIKE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LOOKALIKE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LOOKALIKE_BATCH_SIZE", "2")

    def call(*arguments: object, extractor: NobodySeen | None = None) -> Result:
        parts = Parts(clock=lambda: NOW, extractor=lambda settings, weights: extractor or NobodySeen())
        result = CliRunner().invoke(app, [str(each) for each in arguments], obj=parts)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def rows_of(path: Path) -> list[dict]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    validator = Draft202012Validator(SCHEMA)
    for row in rows:
        validator.validate(row)
    return rows


def encoded(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (picture or Image.radial_gradient("L").convert("RGB").resize((40, 30))).save(buffer, kind, **options)
    return buffer.getvalue()


def bomb() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


def animated() -> bytes:
    frames = [Image.new("RGB", (40, 30), (shade, 0, 0)) for shade in (0, 120, 250)]
    return encoded("GIF", frames[0], save_all=True, append_images=frames[1:])


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded("JPEG", exif=exif)


def heic() -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), (9, 99, 200))).save(buffer)
    return buffer.getvalue()


def palette() -> Image.Image:
    picture = Image.new("P", (40, 30), 1)
    picture.putpalette([0, 0, 0, 250, 40, 40])
    return picture


WHOLE = encoded("JPEG")
GOOD = {
    "plain.jpg": WHOLE,
    "with space.jpg": WHOLE,
    "ünïcödé 模特.jpg": WHOLE,
    "new\nline.jpg": WHOLE,
    "cmyk.jpg": encoded("JPEG", Image.new("CMYK", (40, 30), (20, 90, 40, 5))),
    "sixteen.png": encoded("PNG", Image.new("I;16", (40, 30), 40_000)),
    "palette.png": encoded("PNG", palette(), transparency=0),
    "a.webp": encoded("WEBP"),
    "a.avif": encoded("AVIF", Image.new("RGB", (64, 64))),
    "a.heic": heic(),
    **{f"exif-{n}.jpg": turned(n) for n in range(1, 9)},
}
BAD = {
    "text.jpg": (b"this is no picture", "not_an_image"),
    "cut.jpg": (WHOLE[: len(WHOLE) // 2], "truncated"),
    "zero.jpg": (b"", "empty"),
    "bomb.png": (bomb(), "too_many_pixels"),
    "moving.gif": (animated(), "animated"),
}


@pytest.fixture
def shop(tmp_path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, data in GOOD.items():
        (folder / name).write_bytes(data)
    for name, (data, _) in BAD.items():
        (folder / name).write_bytes(data)
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    return folder


def expected(folder: Path) -> dict[str, str | None]:
    codes: dict[str, str | None] = dict.fromkeys((str(folder / name) for name in GOOD), None)
    codes |= {str(folder / name): code for name, (_, code) in BAD.items()}
    return codes | {str(folder / "gone.jpg"): "file_missing"}


def code_of(row: dict) -> str | None:
    return row["error"] and row["error"]["code"]


def test_a_folder_of_odd_inputs_gives_every_input_its_row(lookalike, shop, tmp_path):
    result = lookalike("scan", shop, "--out", "f.jsonl", "--html", "r.html", "--csv", "f.csv")
    rows = rows_of(tmp_path / "f.jsonl")
    found = {row["source"]: code_of(row) for row in rows}
    assert found == {**expected(shop), str(shop / "loop"): "folder_loop"}
    assert [row["source"] for row in rows] == sorted(found, key=os.fsencode)
    assert result.exit_code == 1
    assert f"{len(BAD) + 2} could not be checked" in result.output
    assert all(row["verdict"] == "not_applicable" for row in rows if row["status"] == "ok")
    assert "decompression" not in (tmp_path / "r.html").read_text("utf-8").split("<main>")[0]


def test_pictures_are_measured_upright(lookalike, shop, tmp_path):
    lookalike("check", *sorted(shop.glob("exif-?.jpg")), "--out", "f.jsonl")
    sizes = [(row["width"], row["height"]) for row in rows_of(tmp_path / "f.jsonl")]
    assert sizes == [(40, 30)] * 4 + [(30, 40)] * 4


def test_a_manifest_of_odd_inputs_keeps_its_order_and_columns(lookalike, shop, tmp_path):
    lines = [(name, "FR", f"sku {n}") for n, name in enumerate([*GOOD, *BAD, "gone.jpg", "nothing.jpg"])]
    lines += [("plain.jpg", "nowhere", "=1+1"), ("", "", "no image"), ("https://a.example/b.jpg", "", "")]
    manifest = shop / "feed.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "territory", "sku"), *lines])
    result = lookalike("scan", manifest, "--out", "f.jsonl", "--csv", "f.csv", "--client", "Acme")
    rows = rows_of(tmp_path / "f.jsonl")
    codes = [*expected(shop).values(), "file_missing", "bad_use", "image_missing", "unsupported_source"]
    assert [code_of(row) for row in rows] == codes
    assert rows[0]["use"] == {"client": "Acme", "territory": "FR"}
    assert result.exit_code == 1
    with (tmp_path / "f.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["sku"] for line in table[:2]] == ["sku 0", "sku 1"]
    assert table[-3]["sku"] == "'=1+1"
    assert table[0]["territory"] == "FR"


def test_a_feed_gives_a_row_per_line(lookalike, shop, tmp_path):
    feed = shop / "feed.jsonl"
    feed.write_text('{"image": "plain.jpg", "medium": "tv"}\n{oops\n{"image": "cut.jpg"}\n')
    assert lookalike("scan", feed, "--out", "f.jsonl").exit_code == 1
    rows = rows_of(tmp_path / "f.jsonl")
    assert [code_of(row) for row in rows] == [None, "bad_row", "truncated"]
    assert rows[0]["use"] == {"medium": "tv"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan", "nowhere"), "no file or folder"),
        (("scan", "wrong.csv"), "lacks the column `image`"),
        (("scan", "shop", "--medium", "billboard"), "billboard"),
        (("scan", "shop", "--territory", "Europe"), "territory"),
        (("scan", "shop", "--published-at", "soon"), "ISO 8601"),
        (("scan", "shop", "--as-of", "never"), "--as-of"),
        (("scan", "shop", "--html", "no/such/r.html"), "--html"),
        (("scan", "shop", "--fail-on", "sometimes"), "--fail-on"),
        (("scan",), "SOURCE"),
        (("check",), "FILE"),
    ],
)
def test_a_wrong_call_ends_with_two_and_says_why(lookalike, shop, tmp_path, arguments, said):
    (tmp_path / "wrong.csv").write_text("picture\na.jpg\n")
    result = lookalike(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "state" / "lookalike.sqlite3").exists()


def test_a_clean_check_ends_with_zero(lookalike, shop):
    result = lookalike("check", shop / "plain.jpg", "--not-ai", "--client", "Acme")
    assert result.exit_code == 0
    assert "not_applicable" in result.stdout
    assert str(shop / "plain.jpg") in result.stdout


@pytest.mark.parametrize("source", ["empty", "empty.csv", "empty.jsonl"])
def test_nothing_to_check_is_no_clean_result(lookalike, tmp_path, source):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    (tmp_path / "empty.csv").write_text("image\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    result = lookalike("scan", tmp_path / source, "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 4
    assert f"nothing was checked: there is no picture in {tmp_path / source}" in result.stderr
    assert rows_of(tmp_path / "out.jsonl") == []


def test_rows_can_be_had_on_standard_output(lookalike, shop):
    result = lookalike("check", shop / "plain.jpg", shop / "cut.jpg", "--json", "--as-of", "2026-05-01")
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["status"], second["status"]) == ("ok", "error")
    assert first["as_of"] == "2026-05-01T00:00:00+00:00"


def test_quiet_says_nothing(lookalike, shop):
    assert lookalike("scan", shop, "--quiet").output == ""


def test_after_an_interrupt_the_same_command_goes_on(lookalike, shop, tmp_path):
    whole = lookalike("scan", shop, "--out", "whole.jsonl")
    stopped = lookalike("scan", shop, "--out", "f.jsonl", extractor=NobodySeen(interrupt_at=4))
    assert stopped.exit_code == 130
    assert "--resume" in stopped.output
    assert 0 < len(rows_of(tmp_path / "f.jsonl")) < len(rows_of(tmp_path / "whole.jsonl"))
    assert lookalike("scan", shop, "--out", "f.jsonl").exit_code == 2
    resumed = lookalike("scan", shop, "--out", "f.jsonl", "--resume")
    assert resumed.exit_code == whole.exit_code
    assert (tmp_path / "f.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_an_interrupt_without_out_says_what_would_have_kept_it(lookalike, shop):
    stopped = lookalike("scan", shop, extractor=NobodySeen(interrupt_at=1))
    assert stopped.exit_code == 130
    assert "--out" in stopped.output
