"""A worker's turn at a scan: the rows of `lookalike scan`, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from api.composition import Application
from api.jobs.building import jobs_of, runner_of
from api.jobs.scan_runner import TRIES, ScanRunner
from data.store.scans import ItemKind, NewItem, Scan, ScanState
from detector.errors import StoreError
from tests.api.colours import GREY, NOW, RED, Installation, drawn
from tests.api.jobs.conftest import Ordering
from tests.data.sites import Site, running

Run = Callable[[Scan], bool]


def rows_of(application: Application, scan: Scan) -> list[Any]:
    return [found.row for found in application.store.scans.rows(scan.id, -1, 1000)]


def test_the_rows_are_those_of_the_command(
    application: Application, ordering: Ordering, run: Run, here: Installation
) -> None:
    pictures = [drawn(RED, seed=1), drawn(GREY), b"no picture", drawn(RED, GREY, seed=2), drawn(RED, seed=3)]
    folder = here.folder / "shop"
    folder.mkdir()
    for number, picture in enumerate(pictures):
        (folder / f"{number}.png").write_bytes(picture)
    out = here.folder / "rows.jsonl"
    here.run("scan", folder, "--client", "Acme", "--out", out, code=3)
    scan = ordering.files(*pictures, client="Acme", use={"client": "Acme"})
    assert run(scan) is False
    commanded = [json.loads(line) for line in out.read_text().splitlines()]
    nameless = [{**row, "source": Path(row["source"]).name} for row in commanded]
    assert json.loads(json.dumps(rows_of(application, scan)).replace(scan.id, "")) == [
        without_path(row, folder) for row in nameless
    ]


def without_path(row: Any, folder: Path) -> Any:
    """Errors name their picture as the row does."""
    return json.loads(json.dumps(row).replace(f"{folder}/", ""))


def test_the_end_is_told_and_no_upload_is_left(
    application: Application, ordering: Ordering, run: Run
) -> None:
    scan = ordering.colours([RED], [GREY], [RED])
    run(scan)
    ended = application.store.scans.get(scan.id)
    assert (ended.state, ended.as_of) == (ScanState.SUCCEEDED, NOW)
    assert application.store.uploads.scans() == []
    counts = application.store.scans.progress([scan.id])[scan.id]
    assert (counts.checked, counts.flagged) == (3, 2)


def test_a_flagged_picture_is_kept_and_a_strangers_is_not(
    application: Application, ordering: Ordering, run: Run
) -> None:
    red, grey = drawn(RED, seed=7), drawn(GREY, seed=8)
    scan = ordering.files(red, grey)
    run(scan)
    first, second = application.store.scans.rows(scan.id, -1, 10)
    assert application.store.findings.picture(str(first.finding_id)) == red
    assert second.finding_id is None
    kept = [path.read_bytes() for path in application.settings.state_dir.rglob("*") if path.is_file()]
    assert any(red in data for data in kept)
    assert not any(grey in data for data in kept)


def test_a_long_scan_takes_turns(application: Application, ordering: Ordering) -> None:
    scan = ordering.colours(*[[RED]] * 7)
    runner = runner_of(application)
    short = replace(runner.parts, pace=replace(runner.parts.pace, turn=3))
    runner = ScanRunner(short)
    assert [runner.run(scan.id) for _ in range(3)] == [True, True, False]
    assert len(rows_of(application, scan)) == 7
    assert application.store.scans.get(scan.id).attempts == 0


def test_all_verdicts_speak_of_the_same_moment(application: Application, ordering: Ordering) -> None:
    asked = datetime(2026, 1, 15, tzinfo=UTC)
    scan = ordering.colours([RED], [GREY], as_of=asked)
    runner_of(application).run(scan.id)
    assert {row["as_of"] for row in rows_of(application, scan)} == {asked.isoformat()}


def test_a_scan_cancelled_in_the_middle_stops_with_its_rows(
    application: Application, ordering: Ordering
) -> None:
    scan = ordering.colours(*[[RED]] * 20)
    store, parts = application.store, runner_of(application).parts

    class Cancelling:
        """Rows as the scanner makes them; somebody cancels the scan when the first is there."""

        def __init__(self, *given: Any) -> None:
            self._scanner = parts.scanner(*given)

        def scan(self, items: Any) -> Iterator[Any]:
            rows = self._scanner.scan(items)
            yield next(rows)
            store.scans.cancel(scan.id)
            yield from rows

    assert ScanRunner(replace(parts, scanner=Cancelling)).run(scan.id) is False
    ended = store.scans.get(scan.id)
    assert ended.state is ScanState.CANCELLED
    assert 0 < len(rows_of(application, scan)) < 20
    assert store.uploads.scans() == []


def test_a_stopped_worker_gives_its_scan_back(application: Application, ordering: Ordering) -> None:
    scan = ordering.colours(*[[RED]] * 8)
    runner = runner_of(application)
    runner.stop()
    assert runner.run(scan.id) is False
    assert application.store.scan_work.waiting() == [scan.id]
    done = len(rows_of(application, scan))
    assert 0 < done < 8
    runner_of(application).run(scan.id)
    assert len(rows_of(application, scan)) == 8


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreError("the database went away"), "the database went away"),
        (RuntimeError("secret"), "it broke with RuntimeError; please report it"),
    ],
)
def test_what_stays_broken_fails_the_scan_with_its_reason(
    application: Application, ordering: Ordering, error: Exception, reason: str
) -> None:
    scan = ordering.colours([RED])

    def broken(*_: Any) -> Any:
        raise error

    runner = ScanRunner(replace(runner_of(application).parts, scanner=broken))
    for attempt in range(TRIES):
        assert application.store.scans.get(scan.id).state is not ScanState.FAILED, attempt
        release_by_time(application, scan)
        assert runner.run(scan.id) is False
    ended = application.store.scans.get(scan.id)
    assert (ended.state, ended.error) == (ScanState.FAILED, reason)
    assert application.store.uploads.scans() == [scan.id]
    application.store.scans.resume(scan.id)
    runner_of(application).run(scan.id)
    assert application.store.scans.get(scan.id).state is ScanState.SUCCEEDED
    assert application.store.uploads.scans() == []


def release_by_time(application: Application, scan: Scan) -> None:
    """The clock of these tests stands still, so a lease is let pass by hand."""
    from sqlalchemy import update

    from data.store.service_tables import scan as table

    with application.store._database.locked() as connection:
        connection.execute(update(table).where(table.c.id == scan.id).values(lease_until=None))


def test_a_picture_that_kills_every_worker_costs_only_itself(
    application: Application, ordering: Ordering
) -> None:
    pictures = [drawn(GREY, seed=number) for number in range(12)]
    deadly = 5
    scan = ordering.files(*pictures)
    parts = runner_of(application).parts
    deaths = 0

    class Killed(BaseException):
        """What a worker that was ended by the system looks like from inside: nothing after it is done."""

    class Deadly:
        def __init__(self, *given: Any) -> None:
            self._scanner = parts.scanner(*given)

        def scan(self, items: Any) -> Iterator[Any]:
            def checked() -> Iterator[Any]:
                for item in items:
                    if item.source == f"{deadly}.png" and "scan_items" in item.read.__module__:
                        raise Killed
                    yield item

            return self._scanner.scan(checked())

    runner = ScanRunner(replace(parts, scanner=Deadly))
    for _ in range(4 * TRIES):
        try:
            if runner.run(scan.id) is False and application.store.scans.get(scan.id).state.is_final:
                break
        except Killed:
            deaths += 1
            release_by_time(application, scan)
    assert application.store.scans.get(scan.id).state is ScanState.SUCCEEDED
    codes = [row["error"] and row["error"]["code"] for row in rows_of(application, scan)]
    assert codes == ["worker_killed" if number == deadly else None for number in range(12)]
    assert deaths <= 2 * TRIES


def test_pictures_of_the_web_are_fetched_once_and_the_flagged_one_is_kept_as_checked(
    application: Application, ordering: Ordering, monkeypatch: pytest.MonkeyPatch, here: Installation
) -> None:
    pictures = {"/0.png": drawn(RED, seed=1), "/1.png": drawn(GREY, seed=2)}

    def answer(request: BaseHTTPRequestHandler) -> None:
        found = pictures.get(request.path)
        request.send_response(200 if found else 404)
        request.send_header("Content-Length", str(len(found or b"")))
        request.end_headers()
        request.wfile.write(found or b"")

    monkeypatch.setenv("LOOKALIKE_WEB_NETWORKS", "127.0.0.1/32")
    with running(Site("127.0.0.1", answer)) as site:
        addresses = [f"http://127.0.0.1:{site.port}/{number}.png" for number in range(3)]
        scan = ordering.items(*(NewItem(address, ItemKind.URL, address) for address in addresses))
        with Application(here.configured, here.parts) as reaching:
            runner_of(reaching).run(scan.id)
    rows = application.store.scans.rows(scan.id, -1, 10)
    assert [found.row["source"] for found in rows] == addresses
    assert [found.row["error"] and found.row["error"]["code"] for found in rows] == [
        None,
        None,
        "fetch_failed",
    ]
    assert application.store.findings.picture(str(rows[0].finding_id)) == pictures["/0.png"]
    assert [site.paths.count(path) for path in pictures] == [1, 1]


def test_lines_that_were_wrong_and_files_that_are_gone_get_rows(
    application: Application, ordering: Ordering, run: Run
) -> None:
    bad = NewItem("feed:3", ItemKind.BAD, json.dumps({"detail": "feed:3: no JSON", "code": "bad_row"}))
    lost = NewItem("lost.png", ItemKind.FILE)
    unreadable_use = NewItem("x.png", ItemKind.FILE, columns={"medium": "skywriting"})
    scan = ordering.items(bad, lost, unreadable_use)
    run(scan)
    codes = [row["error"]["code"] for row in rows_of(application, scan)]
    assert codes == ["bad_row", "upload_missing", "bad_use"]


def test_messages_for_what_is_not_there_or_another_has_are_dropped(
    application: Application, ordering: Ordering, run: Run
) -> None:
    scan = ordering.colours([RED])
    application.store.scan_work.claim(scan.id, "another", 30)
    assert run(scan) is False
    assert runner_of(application).run("scn_none") is False
    assert rows_of(application, scan) == []


def test_chores_ring_for_orphans_and_clear_away_uploads(application: Application, ordering: Ordering) -> None:
    ended, waiting = ordering.colours([RED]), ordering.colours([RED])
    application.store.scans.cancel(ended.id)
    jobs = jobs_of(application)
    jobs.sweep_uploads()
    assert application.store.uploads.scans() == [waiting.id]
    jobs.recover()
    jobs.recover()
    assert jobs.rung() == {waiting.id}
    jobs.close()
