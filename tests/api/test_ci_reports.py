"""A scan for a catalogue's CI: SARIF and JUnit of the same rows, held to what reads them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.composition import Application
from api.reports.junit import write_junit
from api.reports.sarif import RULES, Dismissal, Written, sarif_log, uri_of, write_sarif
from data.store.findings import NewFinding
from data.store.keys import NewKey
from detector.access import Role
from detector.consent import UNFLAGGED
from detector.decision import Verdict
from detector.finding import Row
from detector.review import Judgement, ReviewState
from tests.api.colours import Installation
from tests.conftest import SARIF_MULTITOOL

ABOUT = Written("1.2.3")


@pytest.fixture
def rows(made: Any) -> list[Row]:
    return [
        made.row(made.finding()),
        made.row(made.nobody()),
        made.row(made.failed()),
        made.row(made.finding("shop/ü & <b>\x07.jpg", sha256="1a" * 32)),
    ]


def dismissing(sha256: str) -> Callable[[Row], Dismissal | None]:
    return lambda row: Dismissal("fnd_1", "wrong_person") if row["sha256"] == sha256 else None


def test_every_verdict_that_flags_is_a_rule() -> None:
    assert set(RULES) == set(Verdict) - UNFLAGGED


def test_flagged_pictures_are_results_and_unreadable_ones_notifications(rows: list[Row]) -> None:
    run = sarif_log(rows, ABOUT)["runs"][0]
    assert [result["ruleId"] for result in run["results"]] == ["no_consent", "no_consent"]
    first = run["results"][0]
    assert (first["level"], first["suppressions"]) == ("error", [])
    assert first["message"]["text"].startswith("ana: no consent (photo licence only). only a photo licence")
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///shop/a%20b.jpg"
    told = run["invocations"][0]["toolExecutionNotifications"]
    assert [one["descriptor"]["id"] for one in told] == ["truncated"]


def test_what_a_person_dismissed_is_suppressed_with_their_finding(rows: list[Row]) -> None:
    results = sarif_log(rows, ABOUT, dismissing("1a" * 32))["runs"][0]["results"]
    assert [len(result["suppressions"]) for result in results] == [0, 1]
    assert results[1]["suppressions"][0]["status"] == "accepted"
    assert "fnd_1" in results[1]["suppressions"][0]["justification"]


@given(st.text(min_size=1))
def test_any_name_makes_an_ascii_reference_without_blanks(name: str) -> None:
    uri = uri_of(name)
    assert uri.isascii()
    assert not any(character.isspace() or character in '<>"{}|\\^`' for character in uri)


def test_junit_counts_what_it_holds(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    write_junit(path, lambda: iter(rows), "shop", dismissing("1a" * 32))
    suite = ElementTree.parse(path).getroot()[0]  # noqa: S314 - what was just written here
    cases = [(case.get("name"), [outcome.tag for outcome in case]) for case in suite]
    assert cases == [
        ("a b.jpg", ["failure"]),
        ("nobody.jpg", []),
        ("broken.jpg", ["error"]),
        ("ü & <b>\ufffd.jpg", ["skipped"]),
    ]
    counted = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert "only a photo licence is on record" in (suite[0][0].text or "")


@given(name=st.text(min_size=1, max_size=20), detail=st.text(max_size=20))
def test_junit_is_xml_whatever_files_are_called(
    made: Any, tmp_path_factory: pytest.TempPathFactory, name: str, detail: str
) -> None:
    row = made.row(made.finding(name))
    row["decision"]["reasons"][0]["detail"] = detail
    path = tmp_path_factory.mktemp("junit") / "junit.xml"
    write_junit(path, lambda: iter([row]), name)
    assert ElementTree.parse(path).getroot().get("tests") == "1"  # noqa: S314 - as above


@pytest.mark.sarif
def test_the_sarif_validator_finds_no_error(rows: list[Row], tmp_path: Path) -> None:
    """The schema and the rules of the specification, by the tool that its editors keep."""
    good, bad = tmp_path / "good.sarif", tmp_path / "bad.sarif"
    write_sarif(good, rows, ABOUT, dismissing("1a" * 32))
    spoilt = json.loads(good.read_text("utf-8"))
    spoilt["runs"][0]["results"][0]["message"] = {}
    bad.write_text(json.dumps(spoilt), "utf-8")
    assert faults_of(good) == []
    assert any("message" in fault for fault in faults_of(bad))


def faults_of(log: Path) -> list[str]:
    done = subprocess.run(
        [str(SARIF_MULTITOOL), "validate", str(log)], capture_output=True, text=True, check=False
    )
    assert "1 files scanned" in done.stdout, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error " in line]


def test_a_scan_writes_both_and_knows_what_was_reviewed(
    here: Installation, enrolled: Callable[[str, str], str], colours: dict[str, Any]
) -> None:
    enrolled("anna", "red")
    here.picture("shop/one.png", colours["red"], seed=3)
    here.picture("shop/two.png", colours["grey"], seed=4)
    scan = (
        "scan",
        "shop",
        "--client",
        "Acme",
        "--out",
        "rows.jsonl",
        "--sarif",
        "a.sarif",
        "--junit",
        "a.xml",
    )
    here.run(*scan, code=3)
    assert suppressions(here) == [0]

    row = json.loads(here.folder.joinpath("rows.jsonl").read_text("utf-8").splitlines()[0])
    with Application(here.configured, here.parts) as application:
        key, _ = application.store.keys.create(NewKey(Role.SCANNER, "shop", client="acme"))
        kept = application.store.findings.add(NewFinding(row, key.id, client="acme"))
        assert kept is not None
        judgement = Judgement(ReviewState.WRONG_PERSON)
        application.store.findings.review(kept.id, kept.version, judgement, key.id)
    here.run(*scan, "--overwrite", code=3)
    assert suppressions(here) == [1]
    suite = ElementTree.parse(here.folder / "a.xml").getroot()  # noqa: S314 - as above
    assert (suite.get("failures"), suite.get("skipped"), suite.get("tests")) == ("0", "1", "2")


def suppressions(here: Installation) -> list[int]:
    log = json.loads(here.folder.joinpath("a.sarif").read_text("utf-8"))
    return [len(result["suppressions"]) for result in log["runs"][0]["results"]]
