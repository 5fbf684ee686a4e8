"""Scans in a browser: ordered from files, watched while a worker is at it, stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.composition import Application
from api.jobs.building import runner_of
from tests.api.colours import GREY, RED, Installation
from tests.browser.conftest import Look, SignIn


@pytest.fixture(autouse=True)
def _no_worker_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test decides when a worker runs."""
    monkeypatch.setenv("LOOKALIKE_SERVE_JOBS", "false")


@pytest.mark.slow
def test_a_scan_is_watched_from_beginning_to_end(
    sign_in: SignIn,
    look: Look,
    here: Installation,
    application: Application,
    enrolled: Callable[[str, str], str],
) -> None:
    enrolled("ana", "red")
    files = [here.picture(f"look-{n}.png", RED if n % 2 else GREY, seed=n + 10) for n in range(4)]
    page = sign_in("monitor")
    page.goto("/scans")
    look(page, "scans-empty")
    page.keyboard.press("n")
    page.get_by_label("Files").set_input_files([*files, here.file("note.txt", "hello")])
    page.get_by_label("What to call the scan").fill("Spring looks")
    page.get_by_role("textbox", name="Client").fill("Acme")
    look(page, "scan-new")
    page.get_by_role("button", name="Start the scan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Spring looks")
    expect(page.get_by_text("0 of 5 pictures checked")).to_be_visible()
    look(page, "scan-waiting")
    scan_id = page.url.partition("?")[0].rpartition("/")[2]
    runner_of(application).run(scan_id)
    expect(page.get_by_text("5 of 5 pictures checked")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("succeeded")).to_be_visible()
    expect(page.get_by_role("row", name="look-1.png")).to_contain_text("no consent")
    look(page, "scan")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON Lines").click()
    rows = [json.loads(line) for line in Path(download.value.path()).read_text("utf-8").splitlines()]
    assert [row["source"] for row in rows] == [
        "look-0.png",
        "look-1.png",
        "look-2.png",
        "look-3.png",
        "note.txt",
    ]
    page.get_by_role("link", name="look-1.png").click()
    page.wait_for_url("**/review/*")
    page.goto("/scans")
    expect(page.get_by_role("row", name="Spring looks")).to_contain_text("5 of 5")
    look(page, "scans")


def test_a_scan_is_stopped_without_scripts(
    sign_in: SignIn, here: Installation, application: Application
) -> None:
    page = sign_in("scanner", client="Acme", java_script_enabled=False)
    page.goto("/scans/new")
    page.get_by_label("Web addresses").fill("https://shop.example/1.jpg\nhttps://shop.example/2.jpg")
    page.get_by_role("button", name="Start the scan").click()
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    page.get_by_role("button", name="Stop the scan").click()
    expect(page.get_by_text("cancelled")).to_be_visible()
    (scan,) = application.store.scans.page(None, None, 9)
    assert (scan.client, scan.total) == ("Acme", 2)
