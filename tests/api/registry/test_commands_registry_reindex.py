"""`lookalike reindex`: after a change of network everybody is found again, and nobody is missed silently meanwhile.

Two extractors that see the same colours by different signals stand for the old and the new network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.composition import Application, Parts
from api.settings import load_settings
from data.calibration import read_tables
from data.store import Store
from detector.faces.sface import SIGNAL
from detector.signals import SignalId, SignalKind

NEW = SignalId(SignalKind.FACE, "better", "2", "aligned")
Enrols = Callable[[str, str], str]


@pytest.fixture
def new(here: Any) -> Parts:
    """The outside of an installation that runs the new network; its table lies in the state folder."""
    old = here.parts.extractor(None, None)
    extractor = type(old)(NEW)
    keep_table(here.folder / "state" / "calibration", NEW)
    return replace(here.parts, extractor=lambda settings, weights: extractor)


def keep_table(folder: Path, signal: SignalId) -> None:
    """A calibration table of this signal, with the shipped numbers."""
    table = read_tables().face(SIGNAL)
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "signal": str(signal),
        "template_weight": table.template_weight,
        "strength": table.strength.knots,
        "log_false_match": table.log_false_match.knots,
        "made": {"how": "for a test"},
    }
    (folder / "better.json").write_text(json.dumps(written), "utf-8")


def store_of(here: Any) -> Store:
    application = Application(load_settings({"LOOKALIKE_STATE_DIR": str(here.folder / "state")}, here.folder))
    return application.store


def found(here: Any, picture: Path, code: int = 3) -> list[str]:
    """The talents in a picture, by reference."""
    rows = [json.loads(line) for line in here.run("check", picture, "--json", code=code).stdout.splitlines()]
    return [who["talent_ref"] for row in rows for face in row["faces"] for who in face["candidates"]]


def faces(store: Store) -> dict[SignalId, int]:
    """How many references have vectors of each face signal."""
    counts = store.coverage.counts()
    return {signal: count for signal, count in counts.items() if signal.kind is SignalKind.FACE}


def section(report: Any, name: str) -> Any:
    return next(each for each in report["sections"] if each["section"] == name)


def test_until_it_is_done_the_new_network_refuses_and_the_old_one_answers(
    here: Any, new: Parts, enrolled: Enrols, colours: Any
) -> None:
    enrolled("A", "red")
    enrolled("B", "blue")
    probe = here.picture("probe.png", colours["red"], seed=7)
    old = here.parts
    here.parts = new
    for command in (("check", probe), ("scan", here.folder), ("enroll", "A", probe)):
        assert "reindex needed: 2 of 2 references" in here.run(*command, code=1).stderr
        assert "[reindex_needed]" in here.run(*command, code=1).stderr
    here.parts = old
    assert found(here, probe) == ["A"]


def test_after_it_the_same_talents_are_found(here: Any, new: Parts, enrolled: Enrols, colours: Any) -> None:
    enrolled("A", "red")
    enrolled("B", "blue")
    old, here.parts = here.parts, new
    done = here.json("reindex")
    assert (done["done"], done["failed"], done["left"]) == (2, 0, [])
    assert {"signal": str(NEW), "references": 2, "lacking": 2} in done["plan"]
    for ref, colour in (("A", "red"), ("B", "blue")):
        assert found(here, here.picture(f"{ref}-probe.png", colours[colour], seed=9)) == [ref]
    assert found(here, here.picture("green.png", colours["green"]), code=0) == []
    assert here.json("reindex")["done"] == 0
    here.parts = old
    assert found(here, here.folder / "A-probe.png") == ["A"]


def test_the_face_chosen_at_enrolment_stays_chosen(here: Any, new: Parts, colours: Any) -> None:
    here.run("talent", "add", "A", "Ada")
    both = here.picture("both.png", colours["red"], colours["blue"])
    here.run("enroll", "A", both, "--box", "32,0,32,64", "--release-signed-at", "2026-01-01")
    here.parts = new
    here.run("reindex")
    assert found(here, here.picture("blue.png", colours["blue"], seed=3)) == ["A"]
    assert found(here, here.picture("red.png", colours["red"], seed=3), code=0) == []
    with store_of(here) as store:
        (kept,) = store.references.list()
        assert (kept.box.x, kept.box.width) == (32, 32)


def test_a_dry_run_says_what_is_to_do_and_does_nothing(here: Any, new: Parts, enrolled: Enrols) -> None:
    enrolled("A", "red")
    here.parts = new
    before = (here.folder / "state" / "lookalike.sqlite3").read_bytes()
    assert here.json("reindex", "--dry-run", "--prune")["plan"][0]["lacking"] == 1
    with store_of(here) as store:
        assert faces(store) == {SIGNAL: 1}
    assert (here.folder / "state" / "lookalike.sqlite3").read_bytes() == before


def test_prune_leaves_no_old_vector_in_store_or_snapshot(here: Any, new: Parts, enrolled: Enrols) -> None:
    enrolled("A", "red")
    with store_of(here) as store:
        (kept,) = store.references.list()
        old = store.references.vectors(kept.id)[SIGNAL].tobytes()
    here.run("check", here.folder / "A.png", code=3)
    state = here.folder / "state"
    assert holding(state, old) >= {"lookalike.sqlite3", "index.snapshot"}
    here.parts = new
    assert here.json("reindex", "--prune")["pruned"] == {str(SIGNAL): 1}
    assert holding(state, old) == set()
    with store_of(here) as store:
        assert store.audit.verify() == []
        assert [event.action for event in store.audit.list()][-2:] == ["reference.reindexed", "signal.pruned"]


def holding(folder: Path, part: bytes) -> set[str]:
    """Names of the files that contain these bytes."""
    return {path.name for path in folder.rglob("*") if path.is_file() and part in path.read_bytes()}


def lose_picture(here: Any, ref: str, contents: bytes | None = None) -> None:
    with store_of(here) as store:
        (kept,) = store.references.list(store.talents.by_ref(ref).id)
        path = here.folder / "state" / "blobs" / kept.sha256[:2] / kept.sha256
    path.unlink() if contents is None else path.write_bytes(contents)


@pytest.mark.parametrize(("contents", "code"), [(None, "picture_missing"), (b"x", "picture_altered")])
def test_a_reference_without_its_picture_is_reported_and_not_lost(
    here: Any, new: Parts, enrolled: Enrols, colours: Any, contents: bytes | None, code: str
) -> None:
    enrolled("A", "red")
    enrolled("B", "blue")
    lose_picture(here, "A", contents)
    old, here.parts = here.parts, new
    report = here.json("reindex", code=1)
    assert [(row["talent_ref"], row["status"], row["code"]) for row in report["left"]] == [
        ("A", "failed", code)
    ]
    assert report["done"] == 1
    assert "1 of 2 references" in here.run("check", here.folder / "A.png", code=1).stderr
    here.parts = old
    assert found(here, here.picture("red.png", colours["red"], seed=3)) == ["A"]
    here.parts = new
    assert here.json("reindex", "--prune", code=1)["pruned"] == {str(SIGNAL): 1}
    with store_of(here) as store:
        assert faces(store) == {NEW: 1, SIGNAL: 1}, "B has the new one, A keeps the old one"


def test_who_agrees_gets_answers_over_what_is_complete_and_is_told(
    here: Any, new: Parts, enrolled: Enrols, colours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled("A", "red")
    enrolled("B", "blue")
    lose_picture(here, "A")
    here.parts = new
    here.run("reindex", code=1)
    monkeypatch.setenv("LOOKALIKE_ANSWER_PARTIALLY", "1")
    assert found(here, here.picture("blue.png", colours["blue"], seed=3)) == ["B"]
    unfound = here.run("check", here.picture("red.png", colours["red"], seed=3))
    assert "reindex needed: 1 of 2 references" in unfound.stderr
    page = here.folder / "report.html"
    here.run("check", here.folder / "red.png", "--html", page)
    assert "reindex needed: 1 of 2 references" in page.read_text("utf-8")


def test_no_template_is_made_without_a_release(here: Any, new: Parts, enrolled: Enrols) -> None:
    enrolled("A", "red")
    enrolled("B", "blue")
    (release,) = here.json("consent", "list", "--talent", "A")
    here.run("consent", "revoke", release["consent_id"], "--reason", "left")
    here.parts = new
    report = here.json("reindex")
    assert [(row["talent_ref"], row["status"], row["code"]) for row in report["left"]] == [
        ("A", "skipped", "no_release")
    ]
    assert section(here.json("doctor", code=1), "store")["problems"] == []
    here.run("check", here.folder / "B.png", code=3)


@pytest.mark.parametrize("kinds", ["faces", "face,colour", ""])
def test_unknown_kinds_are_a_usage_error(here: Any, new: Parts, kinds: str) -> None:
    here.parts = new
    assert "--signals takes face" in here.run("reindex", "--signals", kinds, code=2).stderr


def test_a_kind_that_is_off_is_a_usage_error(here: Any, new: Parts) -> None:
    here.parts = new
    assert "`lookalike doctor` says why" in here.run("reindex", "--signals", "image", code=2).stderr


def test_human_decisions_are_kept(here: Any, new: Parts, enrolled: Enrols) -> None:
    enrolled("A", "red")
    before = here.json("talent", "show", "A")
    here.parts = new
    here.run("reindex", "--prune")
    assert here.json("talent", "show", "A") == before


@pytest.mark.weights
def test_doctor_counts_what_lacks_and_what_is_left_behind(
    here: Any, new: Parts, enrolled: Enrols, weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_WEIGHTS_DIRS", str(weights_dir))
    enrolled("A", "red")
    here.parts = new
    coverage = section(here.json("doctor", code=1), "coverage")
    assert "reindex needed: 1 of 1 references" in coverage["problems"][0]
    shown = {row["signal"]: (row["state"], row["references with it"]) for row in coverage["rows"]}
    assert (shown[str(NEW)], shown[str(SIGNAL)]) == (("in use", 0), ("not in use", 1))
    here.run("reindex")
    report = here.json("doctor")
    assert "reindex --prune" in section(report, "coverage")["remarks"][0]
    (table,) = [row for row in section(report, "calibration")["rows"] if row["signal"] == str(NEW)]
    assert table["table"].endswith("state/calibration/better.json")
    assert "for a test" in table["how it was made"]
    here.run("reindex", "--prune")
    assert {row["state"] for row in section(here.json("doctor"), "coverage")["rows"]} == {"in use"}


@pytest.mark.weights
def test_a_network_without_a_table_gives_no_verdict_and_says_what_to_run(
    here: Any, new: Parts, enrolled: Enrols
) -> None:
    enrolled("A", "red")
    (here.folder / "state" / "calibration" / "better.json").unlink()
    here.parts = new
    assert here.json("reindex", "--prune")["pruned"] == {str(SIGNAL): 1}, "vectors need no table, verdicts do"
    refused = here.run("check", here.folder / "A.png", code=2).stderr
    assert "[not_calibrated]" in refused
    assert "lookalike calibrate" in refused
