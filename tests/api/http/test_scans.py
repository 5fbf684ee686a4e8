"""Scans over HTTP: what is ordered, what is told while they run, who sees which."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.composition import Application
from api.http.service import Service
from api.jobs.building import runner_of
from data.store.keys import NewKey
from data.store.scans import ScanState
from detector.access import Role
from tests.api.colours import BLUE, GREY, RED, drawn
from tests.api.http.conftest import Calls


@pytest.fixture
def work(application: Application) -> Callable[[str], None]:
    """A worker that takes one scan to its end."""

    def go(scan_id: str) -> None:
        runner = runner_of(application)
        while runner.run(scan_id):
            pass

    return go


def files(*pictures: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("pictures", (f"{number}.png", picture)) for number, picture in enumerate(pictures)]


def ordered(client: TestClient, **call: Any) -> dict[str, Any]:
    answer = client.post("/v1/scans", **call)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/scans/{made['id']}"
    return made


def lines(client: TestClient, scan_id: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/scans/{scan_id}/rows", params=query)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def feed(*entries: Any) -> bytes:
    return b"\n".join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in entries)


def test_files_from_order_to_rows(
    admin: TestClient, enrolled: Callable[[str, str], str], work: Callable[[str], None]
) -> None:
    talent = enrolled("AG-1", "red")
    fields = {"label": "looks", "medium": "ecommerce", "as_of": "2026-05-01T00:00:00Z", "client": "Acme"}
    scan = ordered(admin, files=files(drawn(RED), drawn(GREY)), data=fields)
    assert (scan["state"], scan["label"], scan["client"]) == ("queued", "looks", "Acme")
    assert scan["use"] == {"client": "Acme", "medium": "ecommerce"}
    assert scan["progress"] == {"total": 2, "checked": 0, "failed": 0, "flagged": 0, "verdicts": {}}
    assert lines(admin, scan["id"]) == []
    work(scan["id"])
    done = admin.get(f"/v1/scans/{scan['id']}").json()
    assert (done["state"], done["progress"]["checked"], done["progress"]["flagged"]) == ("succeeded", 2, 1)
    first, second = lines(admin, scan["id"])
    assert (first["source"], first["number"], first["faces"][0]["talent"]) == ("0.png", 0, talent)
    assert first["faces"][0]["candidates"][0]["talent_ref"] == "AG-1"
    assert first["as_of"] == "2026-05-01T00:00:00+00:00"
    assert first["finding_id"].startswith("fnd_")
    assert (second["verdict"], second["finding_id"]) == ("not_applicable", None)
    assert lines(admin, scan["id"], after=0) == [second]


def test_a_feed_names_files_and_its_lines_say_more(admin: TestClient, work: Callable[[str], None]) -> None:
    named = feed({"image": "1.png", "medium": "tv"}, b"{", {"image": "lost.png"}, {}, {"image": "ftp://a/b"})
    sent = [*files(drawn(GREY), drawn(BLUE)), ("feed", ("feed.jsonl", named))]
    scan = ordered(admin, files=sent, data={"medium": "print"})
    work(scan["id"])
    rows = lines(admin, scan["id"])
    assert [row["source"] for row in rows] == ["1.png", "feed:2", "lost.png", "feed:4", "ftp://a/b", "0.png"]
    codes = [row["error"] and row["error"]["code"] for row in rows]
    assert codes == [None, "bad_row", "file_missing", "image_missing", "bad_url", None]
    assert [rows[0]["use"]["medium"], rows[5]["use"]["medium"]] == ["tv", "print"]


def test_addresses_as_a_document_or_a_feed(admin: TestClient, work: Callable[[str], None]) -> None:
    private = "http://127.0.0.1:9999/a.png"
    document = {"pictures": [private, {"image": private, "medium": "tv"}], "use": {"medium": "print"}}
    body = feed({"image": private}, {"image": "https://me:secret@shop.example/a.png"})
    for call in (
        {"json": document},
        {"content": body, "headers": {"Content-Type": "application/x-ndjson"}, "params": {"medium": "print"}},
    ):
        scan = ordered(admin, **call)
        work(scan["id"])
        rows = lines(admin, scan["id"])
        assert rows[0]["error"]["code"] == "address_refused"
        assert rows[0]["use"] == {"medium": "print"}
        assert "secret" not in json.dumps(rows)
    assert rows[1]["error"]["code"] == "bad_url"


def test_a_zip_of_pictures(admin: TestClient, work: Callable[[str], None], application: Application) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/1.png", drawn(GREY))
        archive.writestr("b.png", b"no picture")
    scan = ordered(admin, files={"archive": ("all.zip", packed.getvalue())})
    work(scan["id"])
    assert [row["source"] for row in lines(admin, scan["id"])] == ["a/1.png", "b.png"]
    assert application.store.uploads.scans() == []


def test_a_file_that_is_too_large_costs_its_row(
    admin: TestClient, application: Application, monkeypatch: pytest.MonkeyPatch, work: Callable[[str], None]
) -> None:
    most = application.settings.model_copy(update={"decode_max_bytes": 2000})
    monkeypatch.setattr(application, "settings", most)
    scan = ordered(admin, files=files(drawn(GREY, size=16), b"x" * 3000))
    work(scan["id"])
    assert [row["error"] and row["error"]["code"] for row in lines(admin, scan["id"])] == [None, "too_large"]


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ({"json": {"pictures": []}}, 422, "invalid_request"),
        (
            {"json": {"pictures": ["https://a.example/b"], "use": {"medium": "skywriting"}}},
            422,
            "invalid_request",
        ),
        ({"data": {"label": "x"}, "files": {"other": b""}}, 422, "empty_scan"),
        ({"data": {"colour": "red"}, "files": files(b"x")}, 422, "usage"),
        ({"data": {"medium": "skywriting"}, "files": files(b"x")}, 422, "bad_use"),
        ({"data": {"as_of": "soon"}, "files": files(b"x")}, 422, "usage"),
        ({"files": [("pictures", ("../../etc/passwd", b"x"))]}, 422, "unsafe_name"),
        ({"files": [*files(b"x"), ("archive", ("a.zip", b"x"))]}, 422, "usage"),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
    ],
)
def test_orders_that_are_refused_leave_nothing(
    admin: TestClient, application: Application, call: dict[str, Any], status: int, code: str
) -> None:
    answer = admin.post("/v1/scans", **call)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert application.store.uploads.scans() == []
    assert application.store.scans.page(None, None, 10) == []


def test_a_clients_key_sees_and_scans_for_that_client_alone(call_as: Calls) -> None:
    acme, other, monitor = (
        call_as("scanner", client="Acme"),
        call_as("scanner", client="Other"),
        call_as("monitor"),
    )
    scan = ordered(acme, files=files(drawn(GREY)))
    assert (scan["client"], scan["use"]) == ("Acme", {"client": "Acme"})
    for method, path in [("get", ""), ("get", "/rows"), ("post", "/cancel"), ("post", "/resume")]:
        answer = other.request(method, f"/v1/scans/{scan['id']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        unknown = other.request(method, f"/v1/scans/scn_unknown{path}")
        assert unknown.status_code == 404
    assert other.get("/v1/scans").json()["items"] == []
    assert [each["id"] for each in monitor.get("/v1/scans").json()["items"]] == [scan["id"]]
    theirs = {"json": {"pictures": [{"image": "https://a.example/b.png", "client": "Acme"}]}}
    assert other.post("/v1/scans", **theirs).status_code == 403
    assert other.post("/v1/scans", files=files(b"x"), data={"client": "Acme"}).status_code == 403
    assert ordered(acme, files=files(b"x"), data={"client": " ACME"})["client"] == "Acme"


def test_scans_page_by_page(admin: TestClient) -> None:
    made = [ordered(admin, files=files(b"x"))["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = admin.get("/v1/scans", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen, reverse=True) == seen
    assert sorted(seen) == sorted(made)


def test_cancelling_and_resuming(admin: TestClient, application: Application) -> None:
    scan = ordered(admin, files=files(drawn(GREY)))
    assert admin.post(f"/v1/scans/{scan['id']}/resume").json()["code"] == "scan_not_failed"
    assert admin.post(f"/v1/scans/{scan['id']}/cancel").json()["state"] == "cancelled"
    assert application.store.uploads.scans() == []
    again = admin.post(f"/v1/scans/{scan['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "scan_ended")
    failed = ordered(admin, files=files(drawn(GREY)))
    lease = application.store.scan_work.claim(failed["id"], "tests", 30)
    assert lease is not None
    application.store.scan_work.finish(lease, ScanState.FAILED, "the store went away")
    assert admin.get(f"/v1/scans/{failed['id']}").json()["error"] == "the store went away"
    assert admin.post(f"/v1/scans/{failed['id']}/resume").json()["state"] == "queued"


def test_a_repeated_order_is_one_scan(admin: TestClient, application: Application) -> None:
    call = {"files": files(b"x"), "headers": {"Idempotency-Key": "order-0001"}}
    request = admin.build_request("POST", "/v1/scans", **call)
    body, headers = request.read(), dict(request.headers)
    first, second = (admin.post("/v1/scans", content=body, headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert len(application.store.scans.page(None, None, 10)) == 1


def test_serving_works_on_scans_by_itself(application: Application, app: FastAPI) -> None:
    """With `serve_jobs` the process is a worker as well, and stops being one when it closes."""
    application.settings = application.settings.model_copy(update={"serve_jobs": True})
    service: Service = app.state.service
    key, token = application.store.keys.create(NewKey(Role.ADMIN, "tests"))
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as client:
        scan_id = ordered(client, files=files(drawn(GREY), drawn(BLUE)))["id"]
        deadline = time.monotonic() + 60
        while not (found := application.store.scans.get(scan_id)).state.is_final:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert service.jobs.is_working
    assert (found.state, found.key_id) == (ScanState.SUCCEEDED, key.id)
    assert not service.jobs.is_working
