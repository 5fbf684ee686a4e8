"""`lookalike import`: one row of result per row of the roster, and nothing changes the second time."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

HEADER = "talent_ref,name,image,release_signed_at,release_document,retain_until,agency,minor"


def result_of(path: Path) -> list[tuple[str, str, str]]:
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    assert all(set(row) == {"talent_ref", "image", "status", "code", "detail"} for row in rows)
    return [(row["image"], row["status"], row["code"]) for row in rows]


@pytest.fixture
def roster(here: Any, colours: Any) -> Path:
    here.picture("pics/r 1.png", colours["red"])
    here.picture("pics/r,2.png", colours["red"], seed=1)
    here.picture("pics/blü.png", colours["blue"])
    here.picture("pics/grey.png", colours["grey"])
    here.file("release.txt", "I agree.")
    lines = [
        HEADER,
        "R,Rita Red,pics/r 1.png,2026-01-01,release.txt,2029-01-01,Elite,no",
        'R,Rita Red,"pics/r,2.png",2026-01-01,release.txt,2029-01-01,,',
        "B,Bo Blue,pics/blü.png,2026-01-01,,,,yes",
        "G,Gil Grey,pics/grey.png,2026-01-01,,,,",
        "N,No Release,pics/blü.png,,,,,",
        "B,Bo Blue,pics/gone.png,2026-01-01,,,,",
        "B,Somebody Else,pics/blü.png,2026-01-01,,,,",
        ",Nameless,pics/blü.png,2026-01-01,,,,",
        "D,Bad Date,pics/blü.png,yesterday,,,,",
        "M,Bad Minor,pics/blü.png,2026-01-01,,,,perhaps",
        "E,Ended,pics/blü.png,2020-01-01,,2021-01-01,,",
        "",
        "P,No Paper,pics/blü.png,2026-01-01,gone.pdf,,,",
        "X,Stray,pics/blü.png,,release.txt,,,",
        "T,Too many,pics/blü.png,2026-01-01,,,,,,,",
    ]
    return here.file("roster.csv", "\n".join(lines) + "\n")


FIRST = [
    ("pics/r 1.png", "accepted", ""),
    ("pics/r,2.png", "accepted", ""),
    ("pics/blü.png", "accepted", ""),
    ("pics/grey.png", "rejected", "no_face"),
    ("pics/blü.png", "rejected", "no_release"),
    ("pics/gone.png", "rejected", "file_missing"),
    ("pics/blü.png", "rejected", "talent_differs"),
    ("pics/blü.png", "rejected", "missing_value"),
    ("pics/blü.png", "rejected", "invalid_consent_record"),
    ("pics/blü.png", "rejected", "bad_row"),
    ("pics/blü.png", "rejected", "release_expired"),
    ("pics/blü.png", "rejected", "usage"),
    ("pics/blü.png", "rejected", "bad_release"),
    ("pics/blü.png", "rejected", "bad_row"),
]


def test_one_result_per_row_in_order_each_with_its_code(here: Any, roster: Path) -> None:
    result = here.run("import", roster, "--out", "result.csv", code=1)
    assert result_of(here.folder / "result.csv") == FIRST
    assert "3 accepted, 0 unchanged, 11 rejected" in result.stderr
    assert result.stdout == ""


def test_people_and_releases_come_from_the_columns(here: Any, roster: Path) -> None:
    here.run("import", roster, code=1)
    rita = here.json("talent", "show", "R")
    assert (rita["name"], rita["agency"], rita["minor"]) == ("Rita Red", "Elite", False)
    assert len(rita["references"]) == 2
    (release,) = rita["consents"]
    assert (release["kind"], release["to"][:10]) == ("biometric_enrolment", "2029-01-01")
    assert here.json("talent", "show", "B")["minor"] is True
    assert {row["talent_ref"] for row in here.json("talent", "list")} == {"R", "B"}


def test_a_rejected_row_puts_nothing_on_record(here: Any, colours: Any) -> None:
    here.picture("grey.png", colours["grey"])
    here.picture("red.png", colours["red"])
    rows = [
        "talent_ref,name,image,release_signed_at,retain_until",
        "G,Gil,grey.png,2026-01-01,",
        "R,Rita,gone.png,2025-01-01,",
        "R,Rita,red.png,,",
        "R,Rita,grey.png,2025-06-01,",
        "E,Ended,red.png,2020-01-01,2021-01-01",
    ]
    roster = here.file("r.csv", "\n".join(rows[:2] + rows[5:]))
    here.run("import", roster, code=1)
    assert here.json("talent", "list") == here.json("consent", "list") == []
    assert audit_events(here) == 0

    here.run("import", here.file("r.csv", "\n".join(rows)), "--out", "out.csv", code=1)
    assert [status for _, status, _ in result_of(here.folder / "out.csv")] == [
        "rejected",
        "rejected",
        "accepted",
        "rejected",
        "rejected",
    ]
    assert [row["talent_ref"] for row in here.json("talent", "list")] == ["R"]
    (release,) = here.json("consent", "list")
    (shown,) = here.json_of("consent", "show", release["consent_id"])
    assert shown["record"]["form"]["signed_at"].startswith("2025-01-01"), (
        "the one that the accepted row rests on"
    )


def test_an_unchanged_row_still_brings_a_new_release(here: Any, enrolled: Any) -> None:
    enrolled("A", "red")
    header = "talent_ref,name,image,release_signed_at"
    roster = here.file("r.csv", f"{header}\nA,Name of A,A.png,2026-02-01\n")
    here.run("import", roster)
    assert len(here.json("consent", "list", "--talent", "A")) == 2


def test_importing_twice_changes_nothing(here: Any, roster: Path) -> None:
    here.run("import", roster, code=1)
    before = (here.json("talent", "list"), here.json("consent", "list"), audit_events(here))
    result = here.run("import", roster, "--out", "again.csv", code=1)
    assert "0 accepted, 3 unchanged, 11 rejected" in result.stderr
    expected = [
        (image, "unchanged", "duplicate_picture") if status == "accepted" else (image, status, code)
        for image, status, code in FIRST
    ]
    assert result_of(here.folder / "again.csv") == expected
    assert (here.json("talent", "list"), here.json("consent", "list"), audit_events(here)) == before


def audit_events(here: Any) -> int:
    sections = here.json("doctor", code=1)["sections"]
    store = next(section for section in sections if section["section"] == "store")
    return int(next(row["value"] for row in store["rows"] if row["name"] == "audit events"))


def test_a_clean_roster_ends_with_0_and_can_go_to_standard_output(here: Any, colours: Any) -> None:
    here.picture("a.png", colours["red"])
    roster = here.file("ok.csv", "\ufefftalent_ref,name,image,release_signed_at\nA,Ada,a.png,2026-01-01\n")
    result = here.run("import", roster, "--out", "-")
    assert result.stdout.splitlines() == ["talent_ref,image,status,code,detail", "A,a.png,accepted,,"]


def test_a_release_on_record_serves_rows_without_one(here: Any, enrolled: Any, colours: Any) -> None:
    enrolled("A", "red")
    here.picture("more.png", colours["red"], seed=4)
    roster = here.file("r.csv", "talent_ref,name,image\nA,Name of A,more.png\n")
    here.run("import", roster)


def test_more_rows_than_one_batch_stay_in_order(here: Any, colours: Any) -> None:
    names = [f"{number}.png" for number in range(40)]
    for number, name in enumerate(names):
        if number % 3:
            here.picture(name, colours["red"], seed=number)
    lines = [f"A,Ada,{name},2026-01-01" for name in names]
    roster = here.file("r.csv", "\n".join(["talent_ref,name,image,release_signed_at", *lines]))
    here.run("import", roster, "--out", "out.csv", code=1)
    rows = result_of(here.folder / "out.csv")
    assert [image for image, _, _ in rows] == names
    assert [status for _, status, _ in rows] == ["accepted" if n % 3 else "rejected" for n in range(40)]


def test_an_empty_roster_is_clean(here: Any) -> None:
    here.run("import", here.file("r.csv", "talent_ref,name,image\n"), "--out", "out.csv")
    assert (here.folder / "out.csv").read_text() == "talent_ref,image,status,code,detail\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "lacks the column `talent_ref`"),
        (b"talent_ref,Name,image\n", "`name` (is it `Name`?)"),
        (b"talent_ref,name,image,image\n", "the column image twice"),
        (b"talent_ref,name,image\n\xff\xfe,x,y\n", "not UTF-8"),
        (b'talent_ref,name,image\n"a"b,x,y\n', "not valid CSV"),
    ],
)
def test_a_wrong_file_is_a_usage_error_and_imports_nothing(here: Any, content: bytes, says: str) -> None:
    path = here.folder / "r.csv"
    path.write_bytes(content)
    assert says in here.run("import", path, code=2).stderr
    assert here.json("talent", "list") == []


def test_missing_roster_and_unwritable_result(here: Any, roster: Path) -> None:
    assert "can't be read" in here.run("import", "gone.csv", code=2).stderr
    assert "can't be written" in here.run("import", roster, "--out", "no/such/folder.csv", code=2).stderr
