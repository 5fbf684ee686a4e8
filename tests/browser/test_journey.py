"""The whole way as people do it, in pages alone: register, grant, check, flag, review, export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.api.colours import RED, Installation
from tests.browser.conftest import Look, SignIn


@pytest.mark.slow
def test_from_registering_to_the_export(sign_in: SignIn, look: Look, here: Installation) -> None:
    registrar = sign_in("registrar", agency="Muse")
    _register(registrar, here, look)
    _grant(registrar, look)
    monitor = sign_in("monitor")
    _check(monitor, here, look, client="Northwind", expected="authorised")
    _check(monitor, here, look, client="Kestrel", expected="out of scope")
    reviewer = sign_in("reviewer")
    _review(reviewer, look)
    _export(reviewer)


def _register(page: Page, here: Installation, look: Look) -> None:
    page.goto("/talents/new")
    page.get_by_label("Name").fill("Ada Example")
    page.get_by_role("textbox", name="Reference").fill("AG-1")
    page.get_by_label("Signed on").fill("2026-01-15")
    page.get_by_label("Keep until").fill("2029-01-15")
    page.get_by_label("Signed document").set_input_files(here.file("release.pdf", "signed"))
    page.locator("#pictures").set_input_files([here.picture("ada.png", RED, seed=1)])
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Ada Example is registered.")).to_be_visible()
    look(page, "journey-1-registered")


def _grant(page: Page, look: Look) -> None:
    page.get_by_role("link", name="Record a consent").click()
    page.get_by_role("radio", name="Use of a replica").check()
    page.get_by_role("textbox", name="Client", exact=True).fill("Northwind")
    page.get_by_label("Online shop").first.check()
    for term in ("assets", "campaigns", "products", "alterations"):
        page.locator(f'[name="scope.{term}.any"]').check()
    page.get_by_role("textbox", name="Purpose in a word").fill("ecommerce")
    page.get_by_role("textbox", name="Purpose in a sentence").fill("Product pages of the spring range")
    page.get_by_role("textbox", name="Amount").fill("40.00")
    page.get_by_role("textbox", name="Currency").fill("EUR")
    page.get_by_label("Paid", exact=True).select_option("image")
    page.get_by_label("From", exact=True).fill("2026-02-01")
    page.get_by_label("To", exact=True).fill("2026-12-31")
    page.get_by_role("textbox", name="Countries").fill("FR DE")
    page.get_by_label("Signed on", exact=True).fill("2026-01-20")
    page.get_by_label("Separate from the representation agreement").check()
    page.get_by_label("Clear and conspicuous").check()
    page.get_by_role("textbox", name="SHA-256 of the document").fill("ab" * 32)
    page.get_by_role("button", name="Record the consent").click()
    expect(page.get_by_text("Signed and inside its term.")).to_be_visible()
    expect(page.get_by_text("Void")).to_have_count(0)
    look(page, "journey-2-granted")


def _check(page: Page, here: Installation, look: Look, client: str, expected: str) -> None:
    page.goto("/check")
    page.get_by_label("Choose a picture").set_input_files(
        here.picture(f"{client}.png", RED, seed=len(client))
    )
    page.get_by_role("textbox", name="Client").fill(client)
    page.get_by_label("Medium").select_option("ecommerce")
    page.get_by_label("Territory").fill("FR")
    page.get_by_label("Published on").fill("2026-05-20")
    page.get_by_label("Declared to be made or edited with AI").select_option("yes")
    page.get_by_text("More of the use").click()
    page.get_by_label("Purpose").fill("ecommerce")
    page.get_by_label("Last seen on").fill("2026-06-01")
    page.get_by_label("Made on").fill("2026-05-10")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".answer .badge")).to_contain_text(expected)
    look(page, f"journey-3-checked-{client.lower()}")


def _review(page: Page, look: Look) -> None:
    page.goto("/review")
    page.get_by_role("link", name="Kestrel.png").click()
    expect(page.get_by_role("heading", name="Ada Example")).to_be_visible()
    look(page, "journey-4-finding")
    page.get_by_role("radio", name="Confirm").check()
    page.get_by_role("textbox", name="Note").fill("Kestrel holds no consent of hers.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    look(page, "journey-5-reviewed")


def _export(page: Page) -> None:
    page.goto("/review?state=all")
    page.get_by_role("link", name="Kestrel.png").click()
    expect(page.get_by_text("Kestrel holds no consent of hers.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Finding as JSON").click()
    exported = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert exported["source"] == "Kestrel.png"
    assert exported["use"]["client"] == "Kestrel"
    assert exported["decision"]["verdict"] == "out_of_scope"
    (considered,) = [each for each in exported["decision"]["consents"] if each["kind"] == "replica_use"]
    assert not considered["covers"]
