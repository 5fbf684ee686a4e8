"""`lookalike talent` and `lookalike enroll`, as a person runs them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest


def test_a_talent_is_added_listed_and_shown_by_ref_and_id(here: Any) -> None:
    added = here.json("talent", "add", "AG-1", "Ada Ünal", "--agency", "Elite", "--wants-every-report")
    assert (added["talent_ref"], added["agency"], added["minor"]) == ("AG-1", "Elite", False)
    assert added["wants_every_report"] is True
    assert [row["name"] for row in here.json("talent", "list")] == ["Ada Ünal"]
    assert here.json("talent", "show", "AG-1") == here.json("talent", "show", added["id"])


def test_tables_in_a_pipe_have_no_colour_codes_and_one_line_per_row(here: Any) -> None:
    here.run("talent", "add", "AG-1", "A \u202ename")
    shown = here.run("talent", "list").stdout
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 2
    assert "A \ufffdname" in shown


def test_a_name_of_two_lines_is_refused(here: Any) -> None:
    refused = here.run("talent", "add", "AG-1", "A name\nof two lines", code=2)
    assert "write it on one line [usage]" in refused.stderr
    here.run("talent", "add", "AG-1", "Ada")
    here.run("talent", "update", "AG-1", "--name", "A\x1b[31m", code=2)
    assert [row["name"] for row in here.json("talent", "list")] == ["Ada"]


def test_the_same_reference_twice_is_a_conflict(here: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    result = here.run("talent", "add", "AG-1", "Bea", code=1)
    assert "AG-1" in result.stderr
    assert "[conflict]" in result.stderr
    assert here.json("talent", "show", "AG-1")["name"] == "Ada"


@pytest.mark.parametrize("given", ["AG-7", "ag-17", "Ada Exmple"])
def test_an_unknown_talent_gets_near_names(here: Any, given: str) -> None:
    here.run("talent", "add", "AG-17", "Ada Example")
    result = here.run("talent", "show", given, code=1)
    assert "did you mean AG-17?" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_blank_name_is_a_usage_error(here: Any) -> None:
    assert "blank" in here.run("talent", "add", "AG-1", " ", code=2).stderr


def test_update_changes_only_what_is_named(here: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada", "--agency", "Elite", "--minor")
    changed = here.json("talent", "update", "AG-1", "--adult", "--agency", "")
    assert (changed["name"], changed["agency"], changed["minor"]) == ("Ada", None, False)


def test_enrolment_needs_a_release(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    picture = here.picture("a.png", colours["red"])
    (refused,) = here.json("enroll", "AG-1", picture, code=1)
    assert (refused["status"], refused["code"]) == ("rejected", "no_release")
    (kept,) = here.json("enroll", "AG-1", picture, "--release-signed-at", "2026-01-01")
    assert kept["status"] == "accepted"
    shown = here.json("talent", "show", "AG-1")
    assert shown["biometric_consent"] is True
    assert [reference["id"] for reference in shown["references"]] == [kept["reference"]]
    assert [consent["kind"] for consent in shown["consents"]] == ["biometric_enrolment"]


def test_the_release_stays_for_the_next_pictures(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    for seed in (1, 2):
        release = ["--release-signed-at", "2026-01-01", "--retain-until", "2027-01-01"] if seed == 1 else []
        here.run("enroll", "AG-1", here.picture(f"{seed}.png", colours["red"], seed=seed), *release)
    assert len(here.json("talent", "show", "AG-1")["consents"]) == 1


@pytest.mark.parametrize(
    ("release", "code"),
    [
        (["--release-signed-at", "2026-07-01"], "no_release"),
        (["--release-signed-at", "2025-01-01", "--retain-until", "2026-05-31"], "release_expired"),
    ],
)
def test_a_release_that_does_not_hold_now(here: Any, colours: Any, release: list[str], code: str) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    (row,) = here.json("enroll", "AG-1", here.picture("a.png", colours["red"]), *release, code=1)
    assert row["code"] == code


def test_the_last_day_of_retention_counts(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    release = ["--release-signed-at", "2025-01-01", "--retain-until", "2026-06-01"]
    here.run("enroll", "AG-1", here.picture("a.png", colours["red"]), *release)


def test_a_revoked_release_enrols_nobody(here: Any, enrolled: Any, colours: Any) -> None:
    enrolled("AG-1", "red")
    (consent,) = here.json("consent", "list")
    here.run("consent", "revoke", consent["consent_id"], "--reason", "withdrawn")
    (row,) = here.json("enroll", "AG-1", here.picture("b.png", colours["red"], seed=9), code=1)
    assert row["code"] == "no_release"


def test_a_minor_is_enrolled_by_the_guardians_release(here: Any, colours: Any) -> None:
    here.run("talent", "add", "KID", "Kid", "--minor")
    picture = here.picture("k.png", colours["red"])
    here.run("enroll", "KID", picture, "--release-signed-at", "2026-01-01", "--guardian", "Mother Kid")
    (consent,) = here.json("consent", "list", "--talent", "KID")
    (version,) = here.json_of("consent", "show", consent["consent_id"])
    assert version["record"]["grantor"]["role"] == "guardian"
    assert version["record"]["grantor"]["name"] == "Mother Kid"
    assert version["record"]["subject"]["minor"] is True


def test_each_rejected_picture_has_its_code_and_the_rest_is_kept(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    red, grey, dark = colours["red"], colours["grey"], colours["dark"]
    pictures = {
        "good.png": here.picture("good.png", red),
        "nobody.png": here.picture("nobody.png", grey),
        "two.png": here.picture("two.png", red, colours["blue"]),
        "small.png": here.picture("small.png", dark),
        "text.png": here.file("text.png", "no picture"),
        "gone.png": here.folder / "gone.png",
        "again.png": here.picture("again.png", red),
    }
    rows = here.json("enroll", "AG-1", *pictures.values(), "--release-signed-at", "2026-01-01", code=1)
    assert [row["image"] for row in rows] == [str(path) for path in pictures.values()]
    assert [(row["status"], row["code"]) for row in rows] == [
        ("accepted", None),
        ("rejected", "no_face"),
        ("rejected", "several_faces"),
        ("rejected", "low_quality_too_small"),
        ("rejected", "not_an_image"),
        ("rejected", "file_missing"),
        ("unchanged", "duplicate_picture"),
    ]


def test_a_box_picks_one_of_several_faces(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    picture = here.picture("two.png", colours["red"], colours["blue"])
    release = ["--release-signed-at", "2026-01-01"]
    (row,) = here.json("enroll", "AG-1", picture, *release, code=1)
    assert len(row["boxes"]) == 2
    box = ",".join(map(str, row["boxes"][1]))
    (kept,) = here.json("enroll", "AG-1", picture, *release, "--box", box)
    assert kept["box"] == row["boxes"][1]


def test_a_face_closer_to_another_talent_needs_confirmation(here: Any, enrolled: Any, colours: Any) -> None:
    enrolled("RED", "red")
    here.run("talent", "add", "AG-2", "Twin")
    picture = here.picture("twin.png", colours["red"], seed=5)
    release = ["--release-signed-at", "2026-01-01"]
    (row,) = here.json("enroll", "AG-2", picture, *release, code=1)
    assert row["code"] == "closer_to_another_talent"
    (kept,) = here.json("enroll", "AG-2", picture, *release, "--confirm")
    assert (kept["status"], kept["code"]) == ("accepted", "closer_to_another_talent")


@pytest.mark.parametrize(
    "options",
    [
        ["--box", "1,2,3"],
        ["--box", "a,b,c,d"],
        ["--box", "0,0,nan,5"],
        ["--box", "0,0,0,5"],
        ["--retain-until", "2027-01-01"],
        ["--release-signed-at", "yesterday"],
        ["--release-signed-at", "2026-01-01", "--retain-until", "never"],
        ["--release-signed-at", "2026-01-01", "--release-document", "nowhere.pdf"],
    ],
)
def test_wrong_options_are_usage_errors_and_change_nothing(
    here: Any, colours: Any, options: list[str]
) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    result = here.run("enroll", "AG-1", here.picture("a.png", colours["red"]), *options, code=2)
    assert result.stderr.startswith("error: ")
    shown = here.json("talent", "show", "AG-1")
    assert (shown["references"], shown["consents"]) == ([], [])


def test_a_box_is_for_a_single_picture(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    pictures = [here.picture(name, colours["red"]) for name in ("a.png", "b.png")]
    assert "single FILE" in here.run("enroll", "AG-1", *pictures, "--box", "1,2,3,4", code=2).stderr


def test_the_documents_digest_is_kept(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    paper = here.file("release.txt", "I agree.")
    options = ["--release-signed-at", "2026-01-01", "--release-document", paper]
    here.run("enroll", "AG-1", here.picture("a.png", colours["red"]), *options)
    (consent,) = here.json("consent", "list")
    (version,) = here.json_of("consent", "show", consent["consent_id"])
    assert version["record"]["form"]["document"] == "release.txt"
    assert version["record"]["form"]["document_sha256"] == hashlib.sha256(b"I agree.").hexdigest()


def test_instead_of_the_document_its_digest_will_do(here: Any, colours: Any) -> None:
    here.run("talent", "add", "AG-1", "Ada")
    options = ["--release-signed-at", "2026-01-01", "--release-document", "AB" * 32]
    here.run("enroll", "AG-1", here.picture("a.png", colours["red"]), *options)
    (consent,) = here.json("consent", "list")
    (version,) = here.json_of("consent", "show", consent["consent_id"])
    assert version["record"]["form"]["document_sha256"] == "ab" * 32


def test_what_a_person_reads_of_a_talent(here: Any, enrolled: Any) -> None:
    identifier = enrolled("AG-1", "red")
    shown = here.run("talent", "show", "AG-1").stdout
    facts, references, consents = shown.split("\n\n")
    assert facts.splitlines()[:2] == ["talent_ref          AG-1", f"id                  {identifier}"]
    assert references.splitlines()[0] == "REFERENCES"
    assert len(references.splitlines()) == 3
    assert "AG-1.png" in references
    assert "biometric_enrolment  -       active" in consents
    assert "Somebody" in here.run("talent", "update", "AG-1", "--name", "Somebody").stdout


def test_adding_says_the_next_step_aside(here: Any) -> None:
    result = here.run("talent", "add", "AG-1", "Ada")
    assert result.stdout.startswith("AG-1  tal_")
    assert "lookalike enroll" in result.stderr
