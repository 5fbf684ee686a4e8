"""Talents in a browser: registering with release and pictures, choosing a face, changing, erasing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.composition import Application
from tests.api.colours import BLUE, GREY, RED, Installation
from tests.browser.conftest import Look, SignIn


@pytest.mark.slow
def test_somebody_is_registered_with_release_and_pictures(
    sign_in: SignIn, look: Look, here: Installation, application: Application
) -> None:
    pictures = [here.picture("one.png", RED, seed=1), here.picture("nobody.png", GREY)]
    page = sign_in("registrar", agency="Muse")
    expect(page.get_by_role("heading", name="Talents")).to_be_visible()
    look(page, "talents-empty")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Register somebody")).to_be_visible()
    look(page, "talent-new")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_contain_text("Give the name.")
    look(page, "talent-faults")
    page.get_by_label("Name").fill("Ada Example")
    page.get_by_role("textbox", name="Reference").fill("AG-1")
    page.get_by_label("Signed on").fill("2026-01-15")
    page.get_by_label("Keep until").fill("2029-01-15")
    page.locator("#pictures").set_input_files(pictures)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="What was sent: 1 kept, 1 not kept")).to_be_visible()
    expect(page.get_by_text("can be recognised")).to_be_visible()
    look(page, "talent")
    page.reload()  # the address is the talent's own by now: nothing is sent again
    expect(page.get_by_role("heading", name="References")).to_be_visible()
    expect(page.get_by_role("heading", name="What was sent")).to_have_count(0)
    assert [kept.source for kept in application.store.references.list()] == ["one.png"]


@pytest.mark.slow
def test_of_two_faces_one_is_chosen(
    sign_in: SignIn, look: Look, here: Installation, application: Application
) -> None:
    talent = application.store.talents.add("AG-1", "Ada Example")
    release = {
        "kind": "biometric_enrolment",
        "grantor": {"role": "self"},
        "form": {"signed_at": "2026-01-15"},
    }
    application.registration.record_consent(release, talent.id)
    both = here.picture("both.png", RED, BLUE)
    page = sign_in()
    page.goto(f"/talents/{talent.id}")
    page.locator("#pictures").set_input_files(both)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("group", name="Which face is Ada Example?")).to_be_visible()
    look(page, "talent-faces")
    page.get_by_role("radio").nth(1).check()
    page.get_by_label("The same picture again").set_input_files(both)
    page.get_by_role("button", name="Send with this face").click()
    expect(page.get_by_role("heading", name="What was sent: 1 kept")).to_be_visible()
    (kept,) = application.store.references.list(talent.id)
    assert kept.box.x > 0


@pytest.mark.slow
def test_a_talent_is_found_changed_and_erased(
    sign_in: SignIn, look: Look, application: Application, tmp_path: Path
) -> None:
    talent = application.store.talents.add("AG-7", "Zoë Övermark", agency="Muse")
    application.store.talents.add("AG-8", "Somebody Else", agency="Muse")
    page = sign_in()
    page.goto("/talents")
    page.keyboard.press("/")
    page.keyboard.type("övermark")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    look(page, "talents")
    page.get_by_role("link", name="Zoë Övermark").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name").fill("Zoë B. Övermark")
    page.get_by_label("Report every use").check()
    look(page, "talent-edit")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Zoë B. Övermark")
    page.get_by_role("link", name="Erase").click()
    look(page, "talent-erase")
    page.get_by_label("Type the reference").fill("AG-8")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was erased")
    page.get_by_label("Type the reference").fill("AG-7")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Erased: pictures, vectors and names are gone.")).to_be_visible()
    assert application.store.talents.get(talent.id).erased_at is not None
