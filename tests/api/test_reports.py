"""CSV, HTML and terminal: what they show, and what they let through from strangers."""

from __future__ import annotations

import csv
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from api.exits import Exit
from api.reports.cards import ReferencePicture
from api.reports.html import ReportAbout, write_html
from api.reports.jsonl import to_line
from api.reports.tables import COLUMNS, FORMULA_STARTS, columns_of, safe_cell, write_csv
from api.reports.tally import Tally
from api.reports.terminal import findings_table, summary_lines
from api.reports.thumbnails import LONG_SIDE, thumbnail
from detector.decision import Severity, Verdict
from detector.decoding import DecodeLimits, decode
from detector.signals import Box

DECODE = partial(decode, limits=DecodeLimits())
HOSTILE = '/shop/"><script>alert(1)</script>\n=cmd|x.jpg'


class Pictures:
    """A gallery that counts what is asked of it."""

    def __init__(self, data: bytes | None) -> None:
        self.data, self.shown = data, 0

    def picture(self, row):
        self.shown += 1
        return thumbnail(self.data, DECODE) if self.data else None

    def reference(self, reference_id):
        picture = thumbnail(self.data, DECODE) if self.data else None
        return ReferencePicture(reference_id, picture, Box(0.1, 0.1, 0.5, 0.5), "ana-1.jpg")

    def name(self, talent_id):
        return "Ana <b>Example</b>"


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str, css: str = "") -> list[dict[str, str]]:
        return [
            attrs
            for name, attrs in self.tags
            if name == tag and (not css or css in attrs.get("class", "").split())
        ]


@pytest.fixture
def report(made, tmp_path):
    def write(findings, gallery=None, limit=50) -> str:
        source, target = tmp_path / "findings.jsonl", tmp_path / "report.html"
        source.write_text("".join(to_line(made.row(each)) for each in findings))
        about = ReportAbout(
            "Check of spring", "0.1", "2026-06-01", {"client": "Acme & Sons"}, "findings.jsonl"
        )
        write_html(target, source, about, gallery or Pictures(made.jpeg()), limit=limit)
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []
        return target.read_text(encoding="utf-8")

    return write


def test_the_page_needs_no_other_file_and_runs_no_script(made, report):
    page = Page(report([made.finding(HOSTILE), made.failed(HOSTILE)]))
    assert not page.all("script")
    assert not page.all("link")
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    [policy] = [
        meta["content"] for meta in page.all("meta") if "Content-Security" in meta.get("http-equiv", "")
    ]
    assert policy.startswith("default-src 'none'")
    assert all(anchor["href"].startswith("#") for anchor in page.all("a"))
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_the_css_asks_for_nothing(report):
    css = re.search(r"<style>(.*?)</style>", report([]), re.DOTALL).group(1)
    assert "url(" not in css
    assert "@import" not in css
    assert "prefers-color-scheme: dark" in css
    assert "@media print" in css


def test_names_from_strangers_are_text(made, report):
    page = Page(report([made.finding(HOSTILE)]))
    assert "<script>alert(1)</script>" in page.text
    assert "Ana <b>Example</b>" in page.text


def test_a_card_shows_picture_reference_scores_reasons_and_consents(made, report):
    page = Page(report([made.finding()]))
    assert len(page.all("article", "card")) == 1
    assert len(page.all("img")) == 2
    for shown in (
        "Acme",
        "only a photo licence is on record",
        "con_1 v2",
        "not a replica licence",
        "4.20",
        "9.50",
    ):
        assert shown in page.text
    assert len(page.all("span", "threshold")) == 2


def test_only_faces_of_somebody_registered_are_marked(made, report):
    page = Page(report([made.finding()]))
    [box] = [box for box in page.all("span", "box") if "neutral" not in box["class"]]
    assert box["style"] == "left:10.0%;top:12.5%;width:30.0%;height:50.0%"
    assert "1 face of nobody registered" in page.text


def test_a_proven_copy_shows_what_lies_over_what(made, report):
    card = report([made.finding(copies=(made.cropped(),))])
    shown = [attrs["points"] for tag, attrs in Page(card).tags if tag == "polygon"]
    right_half = "50.00,0.00 100.00,0.00 100.00,100.00 50.00,100.00"
    left_half = "0.00,0.00 50.00,0.00 50.00,100.00 0.00,100.00"
    assert shown == [right_half, left_half]
    told = "embedded: 50 % of the reference lies over 50 % of the picture, 93 % of that looks the same, 61 points fit"
    assert f"{told}, mirrored, turned by -4 degrees" in Page(card).text


def test_the_gravest_come_first_and_the_rest_is_counted(made, report):
    def graded(name, severity):
        verdict = made.decision(Verdict.EXPIRED, severity)
        return made.finding(f"/shop/{name}", decision=verdict, faces=(made.face(verdict=verdict),), copies=())

    grades = [Severity.LOW, Severity.HIGH, Severity.CRITICAL, Severity.MEDIUM, Severity.HIGH]
    gallery = Pictures(None)
    text = report([graded(f"{n}.jpg", grade) for n, grade in enumerate(grades)], gallery, limit=3)
    assert re.findall(r'<h3 id="c\d+">(\d)\.jpg', text) == ["2", "1", "4"]
    assert "Showing the gravest 3 of 5 flagged pictures" in text
    assert gallery.shown == 3


def test_a_picture_that_is_gone_is_said_to_be(made, report):
    page = Page(report([made.finding()], Pictures(None)))
    assert "can no longer be read" in page.text
    assert not page.all("img")


def test_failures_are_listed_with_their_codes(made, report):
    page = Page(report([made.failed("/shop/x.jpg", "truncated")]))
    assert "/shop/x.jpg" in page.text
    assert "truncated" in page.text
    assert not page.all("article")


def test_an_empty_run_makes_a_report(report):
    assert "None of 0 pictures needs attention." in report([])


def test_thumbnails_are_small_upright_and_without_metadata(made):
    small = thumbnail(made.jpeg(size=(3000, 1500)), DECODE)
    assert (small.width, small.height) == (LONG_SIDE, LONG_SIDE // 2)
    assert thumbnail(made.jpeg(size=(30, 15)), DECODE).width == 30


@given(st.text())
def test_no_cell_starts_a_formula(text):
    assert not safe_cell(text).startswith(FORMULA_STARTS)
    assert safe_cell(text).endswith(text[1:].encode("utf-8", "backslashreplace").decode())


def test_numbers_stay_numbers():
    assert [safe_cell(value) for value in (-1.5, 0, None, "-1.5")] == ["-1.5", "0", "", "'-1.5"]


def test_the_csv_has_a_line_per_row_and_the_inputs_columns(made, tmp_path):
    target = tmp_path / "f.csv"
    rows = [made.row(each) for each in (made.finding(HOSTILE), made.failed(), made.nobody())]
    carried = [{"sku": "=1+1", "verdict": "theirs"}, {"note": "n"}, {}]
    write_csv(target, rows, carried, list(columns_of(carried)))
    with target.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == [*COLUMNS, "sku", "input_verdict", "note"]
    assert [line["verdict"] for line in lines] == ["no_consent", "", "no_match"]
    assert lines[0]["source"] == HOSTILE
    assert (lines[0]["sku"], lines[0]["input_verdict"]) == ("'=1+1", "theirs")
    assert (lines[0]["talents"], lines[0]["consents"], lines[0]["best_strength"]) == ("ana", "con_1@2", "9.5")
    assert lines[1]["error_code"] == "truncated"


def test_the_csv_says_how_the_strongest_copy_lies(made, tmp_path):
    path = tmp_path / "found.csv"
    rows = [
        made.row(made.finding(copies=(made.cropped(),))),
        made.row(made.finding()),
        made.row(made.nobody()),
    ]
    write_csv(path, rows, [{}, {}, {}], [])
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    names = ("copy_class", "copy_picture_percent", "copy_reference_percent")
    assert [tuple(line[name] for name in names) for line in lines] == [
        ("embedded", "50.0", "50.0"),
        ("routine_edit", "", ""),
        ("", "", ""),
    ]


def test_flagged_wins_over_failed(made):
    def code(*findings, fail_on=Severity.LOW):
        tally = Tally()
        for each in findings:
            tally.add(made.row(each))
        return tally.exit_code(fail_on)

    assert code() == code(fail_on=None) == Exit.NOTHING
    assert code(made.nobody()) == Exit.CLEAN
    assert code(made.nobody(), made.failed()) == Exit.FAILED
    assert code(made.failed(), made.finding()) == Exit.FLAGGED
    assert code(made.finding(), fail_on=Severity.CRITICAL) == Exit.CLEAN
    assert code(made.finding(), fail_on=Severity.HIGH) == Exit.FLAGGED
    assert code(made.finding(), made.failed(), fail_on=None) == Exit.FAILED


def test_the_terminal_shows_verdict_and_reasons_and_no_control_characters(made, tmp_path):
    rows = [made.row(each) for each in (made.finding("/a/\x1b[2J.jpg"), made.failed(), made.nobody())]
    with Path(tmp_path / "out").open("w") as file:
        Console(file=file, width=120).print(findings_table(rows))
    shown = (tmp_path / "out").read_text()
    assert "\x1b" not in shown
    for text in ("no_consent", "photo_licence_only", "ana", "error: truncated", "no_match"):
        assert text in shown


def test_the_summary_counts(made):
    tally = Tally()
    for each in (made.finding(), made.nobody(), made.failed()):
        tally.add(made.row(each))
    first, second, *without = summary_lines(tally, 3, 2.0)
    assert first == "3 pictures (3 in 2.0 s, 1.5 a second): 1 flagged, 1 could not be checked"
    assert second.strip() == "no_consent 1, no_match 1, error truncated 1"
    assert [line.strip().split(":")[0] for line in without] == ["without the image signal"]
