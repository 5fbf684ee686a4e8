"""A day's work at the queue, in a browser: with the keyboard, with the mouse, without scripts, and by two at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.composition import Application
from detector.review import Judgement, ReviewState
from tests.browser.conftest import Flag, Look, SignIn


@pytest.mark.slow
def test_signing_in_is_for_whoever_has_a_key(open_page: Callable[..., Page], look: Look) -> None:
    page = open_page()
    page.goto("/review")
    look(page, "sign-in")
    page.get_by_label("Key", exact=True).fill("lk_wrong_key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not known")
    look(page, "sign-in-refused")


@pytest.mark.slow
def test_the_queue_and_a_finding_are_worked_on_with_the_keyboard_alone(
    sign_in: SignIn, flag: Flag, look: Look, application: Application
) -> None:
    names = [f"look-{number}.png" for number in range(3)]
    made = {name: flag(name, client="Acme", declared_ai=True) for name in names}
    page = sign_in("reviewer")
    expect(page.get_by_role("heading", name="Review queue")).to_be_visible()
    look(page, "queue")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(first)
    look(page, "finding")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Wrong person")
    look(page, "shortcuts")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("seen with s, c and w in it")
    page.keyboard.press("Tab")
    page.keyboard.press("c")
    expect(page.get_by_role("radio", name="Confirm")).to_be_checked()
    page.keyboard.press("s")
    expect(page.get_by_role("status")).to_have_text("Saved: confirmed.")
    decided = application.store.findings.get(made[first])
    assert decided.state is ReviewState.CONFIRMED
    assert application.store.findings.history(decided.id)[0].note == "seen with s, c and w in it"
    expect(page.get_by_role("heading", level=1)).not_to_have_text(first)


def test_marks_can_be_hidden_to_see_the_picture(sign_in: SignIn, flag: Flag) -> None:
    finding = flag("look.png", client="Acme")
    page = sign_in("reviewer")
    page.goto(f"/review/{finding}")
    marks = page.locator(".overlay").first
    expect(marks).to_be_visible()
    frame = page.locator(".frame").first.bounding_box()
    drawn = page.locator(".overlay rect:not(.halo)").first.bounding_box()
    assert frame
    assert drawn
    assert drawn["x"] >= frame["x"] - 2
    assert drawn["x"] + drawn["width"] <= frame["x"] + frame["width"] + 2
    page.keyboard.press("m")
    expect(marks).to_be_hidden()


def test_shortcuts_can_be_turned_off(sign_in: SignIn, flag: Flag) -> None:
    page = sign_in("reviewer")
    page.goto(f"/review/{flag('look.png')}")
    page.keyboard.press("?")
    page.get_by_label("Single keys are shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.get_by_role("radio", name="Confirm")).not_to_be_checked()


@pytest.mark.slow
def test_a_document_is_asked_for_only_where_it_belongs(
    sign_in: SignIn, flag: Flag, look: Look, tmp_path: Path, application: Application
) -> None:
    finding = flag("look.png", client="Acme")
    paper = tmp_path / "contract.pdf"
    paper.write_bytes(b"signed")
    page = sign_in("reviewer")
    page.goto(f"/review/{finding}")
    expect(page.get_by_role("textbox", name="Document", include_hidden=True)).to_be_hidden()
    page.get_by_role("radio", name="Authorised elsewhere").check()
    look(page, "finding-document")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("needs the document")
    page.get_by_role("textbox", name="Document", include_hidden=True).fill("Contract 17")
    page.get_by_label("Its file").set_input_files(paper)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("That was the last one of this list.")).to_be_visible()
    assert application.store.findings.history(finding)[0].document == "Contract 17"


def test_who_comes_second_is_told_and_keeps_what_was_typed(
    sign_in: SignIn, flag: Flag, application: Application
) -> None:
    finding = flag("look.png", client="Acme")
    page = sign_in("reviewer")
    page.goto(f"/review/{finding}")
    page.get_by_role("textbox", name="Note").fill("my view")
    page.get_by_role("radio", name="Wrong person").check()
    kept = application.store.findings.get(finding)
    application.store.findings.review(finding, 0, Judgement(ReviewState.ESCALATED), kept.key_id)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("read it again")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("my view")
    page.get_by_role("button", name="Save").click()
    assert application.store.findings.get(finding).state is ReviewState.WRONG_PERSON


def test_everything_works_without_scripts(sign_in: SignIn, flag: Flag, application: Application) -> None:
    finding = flag("look.png", client="Acme")
    page = sign_in("reviewer", java_script_enabled=False)
    page.get_by_role("link", name="look.png").click()
    page.get_by_role("radio", name="Escalate").check()
    page.get_by_role("button", name="Save").click()
    assert application.store.findings.get(finding).state is ReviewState.ESCALATED
    page.goto(f"/review/{finding}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Finding as JSON").click()
    exported = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert exported == application.store.findings.get(finding).row


def test_the_colours_stay_as_chosen(sign_in: SignIn) -> None:
    page = sign_in("reviewer")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="change to dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(ground) != light
    page.goto("/check")
    assert page.evaluate(ground) != light


def test_keyboard_reaches_the_content_past_the_navigation(sign_in: SignIn) -> None:
    page = sign_in("reviewer")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
