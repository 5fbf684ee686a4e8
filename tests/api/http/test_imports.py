"""Rosters over HTTP: side by side or as a ZIP, row by row, within an agency, and hostile ones."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api.composition import Application
from api.enrolling import Turns
from detector.errors import Overloaded
from tests.api.colours import BLUE, GREEN, GREY, RED, drawn

Calls = Callable[..., TestClient]

HEADER = "talent_ref,name,image,release_signed_at,release_document,agency\n"
ROSTER = (
    HEADER
    + "N-1,Ada,red.png,2026-01-01,release.pdf,\n"
    + "N-1,Ada,shoot/red2.png,,,\n"
    + "N-2,Eve,grey.png,2026-01-01,,\n"
    + "N-3,Mia,missing.png,2026-01-01,,\n"
    + "N-4,Zoe,blue.png,,,\n"
)
FILES = {
    "red.png": drawn(RED),
    "shoot/red2.png": drawn(RED, seed=1),
    "grey.png": drawn(GREY),
    "blue.png": drawn(BLUE),
    "release.pdf": b"signed",
}
CODES = [None, None, "no_face", "file_missing", "no_release"]


@pytest.fixture
def north(call_as: Calls) -> TestClient:
    return call_as("registrar", agency="North")


def side_by_side(client: TestClient, roster: str, files: Mapping[str, bytes]) -> Response:
    parts = [("roster", ("roster.csv", roster.encode())), *(("files", file) for file in files.items())]
    return client.post("/v1/imports", files=parts)


def zipped(client: TestClient, roster: str, files: Mapping[str, bytes], folder: str = "") -> Response:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"roster.csv": roster.encode(), **files}.items():
            archive.writestr(f"{folder}{name}", data)
    return client.post("/v1/imports", files={"archive": ("roster.zip", body.getvalue())})


def codes(answer: Response) -> list[str | None]:
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("send", [side_by_side, zipped, lambda *call: zipped(*call, folder="spring 2026/")])
def test_a_roster_succeeds_row_by_row(
    north: TestClient, send: Callable[..., Response], application: Application
) -> None:
    answer = send(north, ROSTER, FILES)
    assert codes(answer) == CODES
    assert answer.json()["counts"] == {"accepted": 2, "unchanged": 0, "rejected": 3}
    assert [item["row"] for item in answer.json()["items"]] == [1, 2, 3, 4, 5]
    (talent,) = north.get("/v1/talents").json()["items"]
    assert (talent["ref"], talent["agency"], talent["references"]) == ("N-1", "North", 2)
    references = north.get(f"/v1/talents/{talent['id']}/references").json()["items"]
    assert {one["source"] for one in references} == {"red.png", "shoot/red2.png"}
    (release,) = application.store.consents.list(talent["id"])
    assert release.form.document_sha256 == hashlib.sha256(b"signed").hexdigest()
    again = send(north, ROSTER, FILES)
    assert codes(again) == ["duplicate_picture", "duplicate_picture", *CODES[2:]]
    assert again.json()["counts"]["unchanged"] == 2


def test_a_rosters_names_never_reach_this_machines_disk(north: TestClient, tmp_path: Path) -> None:
    picture = tmp_path / "red.png"
    picture.write_bytes(drawn(RED))
    climbing = "../" * 30 + str(picture).lstrip("/")
    roster = HEADER + "".join(
        f"N-{n},Ada,{name},2026-01-01,,\n" for n, name in enumerate([picture, climbing])
    )
    roster += f"N-9,Eve,blue.png,2026-01-01,{picture},\n"
    for send in (side_by_side, zipped):
        assert codes(send(north, roster, FILES)) == ["file_missing"] * 3
    assert north.get("/v1/talents").json()["items"] == []


def test_a_roster_stays_inside_its_agency(north: TestClient, admin: TestClient) -> None:
    admin.post("/v1/talents", json={"ref": "S-1", "name": "Secret Name", "agency": "South"})
    roster = (
        HEADER
        + "S-1,Ada,red.png,2026-01-01,,\n"
        + "N-1,Ada,red.png,2026-01-01,,South\n"
        + "N-2,Eve,blue.png,2026-01-01,,NORTH\n"
    )
    answer = side_by_side(north, roster, FILES)
    assert codes(answer) == ["ref_taken", "other_agency", None]
    assert "Secret Name" not in answer.text
    assert [one["ref"] for one in north.get("/v1/talents").json()["items"]] == ["N-2"]


@pytest.mark.parametrize(
    ("roster", "status", "code"),
    [
        ("name,image\nAda,a.png\n", 422, "usage"),
        ("talent_ref,name,image\n\xff", 422, "usage"),
        (HEADER + "A,B,c.png,,,\n" * 1001, 422, "too_many_rows"),
        (HEADER + "x" * 4_200_000, 413, "request_too_large"),
    ],
)
def test_a_roster_that_is_none_is_refused_whole(
    north: TestClient, roster: str, status: int, code: str
) -> None:
    answer = north.post("/v1/imports", files={"roster": ("roster.csv", roster.encode("latin-1"))})
    assert problem(answer) == (status, code)


def test_what_belongs_together_must_come_together(north: TestClient) -> None:
    assert problem(north.post("/v1/imports")) == (422, "usage")
    both = {"roster": ("roster.csv", ROSTER.encode()), "archive": ("a.zip", b"PK")}
    assert problem(north.post("/v1/imports", files=both)) == (422, "usage")
    assert problem(north.post("/v1/imports", files={"files": ("a.png", b"x")})) == (422, "usage")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"../../etc/cron.d/x": b"x"}, "unsafe_name"),
        ({"/etc/passwd": b"x"}, "unsafe_name"),
        ({"other.csv": b"", "ROSTER.CSV": b""}, "no_roster"),
        ({f"{number}.png": b"" for number in range(1001)}, "too_many_files"),
    ],
)
def test_a_hostile_zip_is_refused_whole(north: TestClient, files: Mapping[str, bytes], code: str) -> None:
    assert problem(zipped(north, ROSTER, files)) == (422, code)
    assert problem(north.post("/v1/imports", files={"archive": ("a.zip", b"none")})) == (
        422,
        "not_an_archive",
    )


def test_a_bomb_costs_its_row(north: TestClient) -> None:
    roster = HEADER + "N-1,Ada,bomb.png,2026-01-01,,\nN-2,Eve,green.png,2026-01-01,,\n"
    answer = zipped(north, roster, {"bomb.png": bytes(70_000_000), "green.png": drawn(GREEN)})
    assert codes(answer) == ["too_large", None]


def test_an_import_needs_the_scope(call_as: Calls) -> None:
    for role, sees in (("scanner", {"client": "Acme"}), ("reviewer", {}), ("monitor", {})):
        assert problem(side_by_side(call_as(role, **sees), ROSTER, FILES)) == (403, "forbidden")


def test_one_enrols_at_a_time_and_few_wait() -> None:
    turns = Turns(waiting=1, patience=0.01)

    def refused() -> Any:
        with pytest.raises(Overloaded) as error, turns.turn():
            pass
        return error.value.retry_after

    with turns.turn():
        assert refused() > 0  # its patience ends
        assert refused() > 0  # and it left the line
    with Turns(waiting=0).turn() as _, turns.turn():
        pass
    full = Turns(waiting=0, patience=60)
    with full.turn(), pytest.raises(Overloaded), full.turn():
        pass
