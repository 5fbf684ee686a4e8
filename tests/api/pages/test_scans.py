"""The scans' pages: who sees which scan, ordering, progress while it runs, rows, stopping, going on, downloading."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable

import pytest
from httpx2 import Response

from api.composition import Application
from api.jobs.building import runner_of
from api.pages.views.scan_progress import MEANINGS, bars, standing
from data.store import Store
from data.store.scans import ItemKind, NewItem, NewScan, Progress, Scan, ScanState
from detector.errors import NotFound
from tests.api.colours import GREY, RED, drawn
from tests.api.pages.conftest import Browser

Browse = Callable[..., Browser]

RELEASE = {"kind": "biometric_enrolment", "grantor": {"role": "self"}, "form": {"signed_at": "2026-01-15"}}


@pytest.fixture(autouse=True)
def _no_worker_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test decides when a worker runs."""
    monkeypatch.setenv("LOOKALIKE_SERVE_JOBS", "false")


@pytest.fixture
def ordered(store: Store, key: Callable[..., tuple[str, str]]) -> Callable[..., Scan]:
    """Orders a scan of one picture that is nowhere."""
    key_id, _ = key("admin")

    def order(client: str | None = "Acme", label: str = "looks <1>", pictures: int = 1) -> Scan:
        items = [NewItem(f"look-{n}.jpg", ItemKind.FILE, "look.jpg") for n in range(pictures)]
        return store.scans.create(
            NewScan(key_id, label, items, client, {"client": client or "", "medium": "print"})
        )

    return order


def picture(name: str, seed: int = 0) -> tuple[str, tuple[str, bytes, str]]:
    return ("pictures", (name, drawn(RED if "ada" in name else GREY, seed=seed), "image/png"))


def start(browser: Browser, *pictures: tuple[str, tuple[str, bytes, str]], **fields: str) -> Response:
    return browser.send("/scans/new", "/scans/new", {"client": "Acme", **fields}, files=list(pictures))


def started(answer: Response) -> str:
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0].rpartition("/")[2]


def test_the_list_shows_how_far_each_scan_is(browse_as: Browse, ordered: Callable[..., Scan]) -> None:
    scan = ordered(pictures=3)
    page = browse_as().get("/scans")
    assert f'href="/scans/{scan.id}"' in page
    assert "looks &lt;1&gt;" in page
    assert "0 of 3" in page


def test_the_list_goes_on_where_the_page_ended(browse_as: Browse, ordered: Callable[..., Scan]) -> None:
    kept = sorted(ordered().id for _ in range(27))
    browser = browse_as()
    first = browser.get("/scans")
    second = browser.get(f"/scans?before={kept[2]}")
    assert f'href="/scans?before={kept[2]}"' in first
    assert [scan_id for scan_id in kept if scan_id in first] == kept[2:]
    assert [scan_id for scan_id in kept if f"/scans/{scan_id}" in second] == kept[:2]


def test_a_clients_key_sees_its_own_scans_alone(browse_as: Browse, ordered: Callable[..., Scan]) -> None:
    scan = ordered()
    stranger, own = browse_as("monitor", client="Other"), browse_as("scanner", client="ACME")
    assert scan.id not in stranger.get("/scans")
    for path in ("", "/progress", "/rows.jsonl"):
        stranger.get(f"/scans/{scan.id}{path}", 404)
        own.get(f"/scans/{scan.id}{path}")
    for act in ("cancel", "resume"):
        assert stranger.send("/scans/new", f"/scans/{scan.id}/{act}", {}).status_code == 404
    assert scan.id in own.get("/scans")


def test_reading_is_no_right_to_order(browse_as: Browse, ordered: Callable[..., Scan], store: Store) -> None:
    scan, reviewer = ordered(), browse_as("reviewer")
    assert "/cancel" not in reviewer.get(f"/scans/{scan.id}")
    reviewer.get("/scans/new", 403)
    assert reviewer.send("/scans", f"/scans/{scan.id}/cancel", {}).status_code == 403
    browse_as("registrar", agency="Muse").get("/scans", 403)
    assert store.scans.get(scan.id).state is ScanState.QUEUED


def test_files_become_rows_and_flagged_ones_findings(
    browse_as: Browse, application: Application, store: Store, ada: str
) -> None:
    application.registration.record_consent(RELEASE, ada)
    browser = browse_as()
    browser.client.app.state.service.warm_up()  # type: ignore[attr-defined] # the test client's application
    sent = browser.send(f"/talents/{ada}", f"/talents/{ada}/references", {}, files=[picture("ada-1.png")])
    assert "1 kept" in sent.text
    wrong = ("pictures", ("note.txt", b"hello", "text/plain"))
    files = (picture("ada-2.png", 1), picture("nobody.png", 2), wrong)
    scan_id = started(start(browser, *files, label="spring", medium="print"))
    assert 'data-live="yes"' in browser.get(f"/scans/{scan_id}/progress")
    assert runner_of(application).run(scan_id) is False
    page = browser.get(f"/scans/{scan_id}")
    assert 'data-live="no"' in page
    assert "<strong>3</strong> of 3 pictures checked" in page
    (finding,) = _findings(store, scan_id)
    assert f'href="/review/{finding}"' in page
    assert "the file is not a picture" in page
    rows = [json.loads(line) for line in browser.get(f"/scans/{scan_id}/rows.jsonl").splitlines()]
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert {row["finding_id"] for row in rows} == {finding, None}
    assert "attachment" in browser.client.get(f"/scans/{scan_id}/rows.jsonl").headers["content-disposition"]


def _findings(store: Store, scan_id: str) -> list[str]:
    return [row.finding_id for row in store.scans.rows(scan_id, -1, 99) if row.finding_id]


def test_a_zip_and_web_addresses_are_ordered_with_their_use(browse_as: Browse, store: Store) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/one.png", drawn(GREY))
    zipped = ("archive", ("looks.zip", packed.getvalue(), "application/zip"))
    typed = {"addresses": "https://shop.example/1.jpg\n\n https://shop.example/2.jpg", "territory": "fr"}
    scan = store.scans.get(started(start(browse_as(), zipped, **typed)))
    assert scan.total == 3
    assert scan.use == {"client": "Acme", "territory": "fr"}
    assert scan.client == "Acme"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "holds no picture"),
        ({"addresses": "shop.example/1.jpg"}, "is no web address"),
        ({"addresses": "https://shop.example/1.jpg", "territory": "UK"}, "UK"),
    ],
)
def test_what_can_not_be_ordered_says_why_and_keeps_what_was_typed(
    browse_as: Browse, store: Store, typed: dict[str, str], told: str
) -> None:
    answer = start(browse_as(), label="spring <x>", **typed)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'value="spring &lt;x&gt;"' in answer.text
    assert store.scans.page(None, None, 9) == []


def test_a_clients_key_orders_for_its_client_alone(browse_as: Browse, store: Store) -> None:
    browser = browse_as("scanner", client="Acme")
    refused = start(browser, picture("one.png"), client="Other")
    assert refused.status_code == 422
    assert store.scans.get(started(start(browser, picture("one.png"), client=""))).client == "Acme"


def test_a_scan_is_stopped_once(browse_as: Browse, store: Store, ordered: Callable[..., Scan]) -> None:
    scan, browser = ordered(), browse_as()
    assert "Stop the scan" in browser.get(f"/scans/{scan.id}")
    path = f"/scans/{scan.id}"
    assert browser.send(path, f"{path}/cancel", {}).headers["location"].endswith("scan.stopped")
    assert store.scans.get(scan.id).state is ScanState.CANCELLED
    assert browser.send("/scans/new", f"{path}/cancel", {}).headers["location"].endswith("scan.over")
    assert browser.send("/scans/new", f"{path}/resume", {}).headers["location"].endswith("scan.not_failed")


def test_a_failed_scan_goes_on(browse_as: Browse, store: Store, ordered: Callable[..., Scan]) -> None:
    scan, browser = ordered(), browse_as()
    lease = store.scan_work.claim(scan.id, "worker", 60)
    assert lease
    store.scan_work.finish(lease, ScanState.FAILED, "the networks <broke>")
    page = browser.get(f"/scans/{scan.id}")
    assert "the networks &lt;broke&gt;" in page
    path = f"/scans/{scan.id}"
    assert browser.send(path, f"{path}/resume", {}).headers["location"].endswith("scan.resumed")
    assert store.scans.get(scan.id).state is ScanState.QUEUED


def test_a_scan_that_is_not_there_is_not_there(browse_as: Browse, store: Store) -> None:
    browse_as().get("/scans/scn_nothing", 404)
    with pytest.raises(NotFound):
        store.scans.get("scn_nothing")


def test_every_state_is_explained() -> None:
    assert set(MEANINGS) == set(ScanState)


def test_bars_are_shares_of_the_largest_the_gravest_first() -> None:
    found = bars(Progress(10, 8, 1, 3, {"no_match": 4, "no_consent": 1, "authorised": 2}))
    assert [(bar.verdict, bar.width) for bar in found] == [
        ("no_consent", 25),
        ("authorised", 50),
        ("no_match", 100),
    ]
    assert bars(Progress(1, 0, 0, 0, {})) == ()


def test_what_is_left_follows_the_pace_so_far(ordered: Callable[..., Scan], store: Store) -> None:
    scan = ordered()
    now = scan.created_at
    assert standing(scan, Progress(10, 0, 0, 0, {}), now).left is None
    store.scan_work.claim(scan.id, "worker", 60)
    running = store.scans.get(scan.id)
    assert running.started_at
    later = running.started_at + dt.timedelta(minutes=2)
    assert standing(running, Progress(10, 4, 0, 0, {}), later).left == dt.timedelta(minutes=3)
    assert standing(running, Progress(10, 0, 0, 0, {}), later).left is None
