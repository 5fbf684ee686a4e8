"""Checking a picture in a browser: chosen or dropped, flagged or not, with and without scripts; the dashboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.api.colours import GREEN, RED, drawn
from tests.browser.conftest import Flag, Look, SignIn


def choose(page: Page, folder: Path, data: bytes) -> None:
    picture = folder / "chosen.png"
    picture.write_bytes(data)
    page.get_by_label("Choose a picture").set_input_files(picture)


@pytest.mark.slow
def test_a_flagged_picture_shows_its_evidence_in_place(
    sign_in: SignIn, flag: Flag, look: Look, tmp_path: Path
) -> None:
    flag("before.png")
    page = sign_in("reviewer")
    page.goto("/check")
    look(page, "check")
    choose(page, tmp_path, drawn(RED, seed=5, size=320))
    page.get_by_label("Client").fill("Acme")
    page.get_by_label("Declared to be made").select_option("yes")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Flagged: open the finding")).to_be_visible()
    expect(page.get_by_text("Consent records considered")).to_be_visible()
    expect(page.get_by_label("Client")).to_have_value("Acme")
    look(page, "check-flagged")
    page.get_by_text("Flagged: open the finding").click()
    expect(page.get_by_role("heading", name="chosen.png")).to_be_visible()


@pytest.mark.slow
def test_a_picture_of_nobody_is_shown_from_the_browsers_own_copy(
    sign_in: SignIn, flag: Flag, look: Look, tmp_path: Path
) -> None:
    flag("before.png")
    page = sign_in("reviewer")
    page.goto("/check")
    choose(page, tmp_path, drawn(GREEN, seed=5, size=320))
    page.get_by_role("button", name="Check").click()
    own = page.locator("[data-local] img")
    expect(own).to_be_visible()
    assert str(own.get_attribute("src")).startswith("blob:")
    assert own.evaluate("picture => picture.naturalWidth") == 320
    look(page, "check-nobody")


def test_what_is_no_picture_is_told(sign_in: SignIn, flag: Flag, tmp_path: Path) -> None:
    flag("before.png")
    page = sign_in("reviewer")
    page.goto("/check")
    choose(page, tmp_path, b"no picture at all")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Check")).to_be_enabled()


def test_a_picture_can_be_dropped(sign_in: SignIn, flag: Flag) -> None:
    flag("before.png")
    page = sign_in("reviewer")
    page.goto("/check")
    page.evaluate(
        """async () => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array([1])], "dropped.png", { type: "image/png" }));
            const drop = document.querySelector("[data-drop]");
            drop.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }"""
    )
    assert page.get_by_label("Choose a picture").evaluate("input => input.files[0].name") == "dropped.png"


def test_checking_works_without_scripts(sign_in: SignIn, flag: Flag, tmp_path: Path) -> None:
    flag("before.png")
    page = sign_in("reviewer", java_script_enabled=False)
    page.goto("/check")
    choose(page, tmp_path, drawn(RED, seed=5, size=320))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Flagged: open the finding")).to_be_visible()


@pytest.mark.slow
def test_the_dashboard_counts_and_leads_on(sign_in: SignIn, flag: Flag, look: Look) -> None:
    for number in range(3):
        flag(f"look-{number}.png", client="Acme", declared_ai=bool(number % 2))
    page = sign_in("monitor")
    page.goto("/dashboard")
    expect(page.get_by_role("img", name="3 pictures flagged")).to_be_visible()
    look(page, "dashboard")
    page.get_by_text("As a table").click()
    look(page, "dashboard-table")
    page.get_by_role("link", name="no consent").first.click()
    expect(page.get_by_role("heading", name="Review queue")).to_be_visible()
