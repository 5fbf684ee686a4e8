"""The demo, end to end with the real networks and portraits; and the folder it may write to."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands import app
from api.demo import CASES, MARKER, PEOPLE, prepare
from detector.errors import UsageError

VERDICTS = {
    "magazine.jpg": ("obama", "authorised", "covered"),
    "new-portrait.jpg": ("obama", "authorised", "covered"),
    "spot.jpg": ("obama", "out_of_scope", "medium_outside"),
    "ai-edit.jpg": ("obama", "no_consent", "photo_licence_only"),
    "billboard.jpg": ("obama", "no_consent", "limb_unsure"),
    "reprint.jpg": ("biden", "expired", "after_term"),
    "found-online.jpg": ("obama", "needs_review", "client_unknown"),
    "half-hidden.jpg": ("obama", "out_of_scope", "client_outside"),
    "astronaut.jpg": (None, "no_match", "below_threshold"),
    "bottle.jpg": (None, "not_applicable", "no_usable_face"),
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory, weights_dir, sample_dir):
    """The demo as a person runs it: its output, and the folder it leaves."""
    folder = tmp_path_factory.mktemp("demo") / "here"
    result = CliRunner().invoke(app, ["demo", "--dir", str(folder)], env={"LOOKALIKE_OFFLINE": "1"})
    assert result.exit_code == 0, result.output
    return result.output, folder


@pytest.fixture(scope="module")
def rows(shown):
    _, folder = shown
    lines = (folder / "findings.jsonl").read_text("utf-8").splitlines()
    return {Path(row["source"]).name: row for row in map(json.loads, lines)}


@pytest.mark.weights
@pytest.mark.parametrize("name", VERDICTS)
def test_each_picture_gets_its_verdict_for_its_reason(rows, name):
    talent, verdict, code = VERDICTS[name]
    row = rows[name]
    assert row["verdict"] == verdict
    assert code in {reason["code"] for reason in row["decision"]["reasons"]}
    found = {face["talent"] for face in row["faces"]} | {copy["talent"] for copy in row["copies"]}
    refs = {each["talent"]: each["talent_ref"] for face in row["faces"] for each in face["candidates"]}
    assert {refs.get(each, each) for each in found} - {None} == ({talent} if talent else set())


@pytest.mark.weights
def test_a_stranger_beside_a_talent_stays_a_stranger(rows):
    faces = rows["billboard.jpg"]["faces"]
    assert len(faces) == 2
    assert [face["decision"]["verdict"] for face in faces].count("no_match") == 1


@pytest.mark.weights
def test_the_table_and_the_report_say_the_same(shown, rows):
    output, folder = shown
    for _, verdict, _ in VERDICTS.values():
        assert verdict in output
    assert str(folder / "report.html") in output.replace("\n", "")
    report = (folder / "report.html").read_text("utf-8")
    flagged = [name for name, row in rows.items() if row["severity"] != "none"]
    assert report.count("<article") == len(flagged)
    assert all(f">{name}</h3>" in report for name in flagged)
    assert report.count("data:image/jpeg") == 2 * len(flagged)
    assert "Joe Biden" in report


@pytest.mark.weights
def test_it_can_be_shown_again_in_the_same_folder(shown, rows):
    _, folder = shown
    again = CliRunner().invoke(app, ["demo", "--dir", str(folder)], env={"LOOKALIKE_OFFLINE": "1"})
    assert again.exit_code == 0, again.output
    with (folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        table = {Path(line["source"]).name: line["verdict"] for line in csv.DictReader(file)}
    assert table == {name: row["verdict"] for name, row in rows.items()}


def test_every_case_has_a_picture_of_its_own():
    assert [case.file for case in CASES] == list(VERDICTS)
    assert {talent for talent, _, _ in VERDICTS.values() if talent} == set(PEOPLE)


def test_only_a_folder_of_its_own_is_emptied(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="--dir"):
        prepare(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
    own = prepare(tmp_path / "demo").folder
    (own / "left.txt").touch()
    assert [path.name for path in prepare(own).folder.iterdir()] == [MARKER]


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--dir"):
        prepare(tmp_path / "file" / "demo")
