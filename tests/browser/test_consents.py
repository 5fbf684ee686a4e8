"""Consents in a browser: the axis of time, the form by kind, faults beside fields, a void record, a revocation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from api.composition import Application
from detector.record import ConsentRecord
from tests.browser.conftest import Look, SignIn

Grant = Callable[..., ConsentRecord]

TERM = {"timezone": "Europe/Paris", "valid_from": "2026-02-01", "valid_to": "2026-06-20"}
SIGNED = {"signed_at": "2026-01-15", "separate": True, "conspicuous": True, "document_sha256": "ab" * 32}


@pytest.fixture
def grant(application: Application) -> Grant:
    talent = application.store.talents.add("AG-1", "Ada Example")

    def grant(kind: str = "photo_use", client: str = "Northwind", **changes: Any) -> ConsentRecord:
        document = {
            "kind": kind,
            "grantor": {"role": "self"},
            "grantee": {"client": client},
            "duration": TERM,
        }
        return application.registration.record_consent(document | {"form": SIGNED} | changes, talent.id)

    return grant


@pytest.mark.slow
def test_terms_lie_on_an_axis_of_time_and_what_ends_next_comes_first(
    sign_in: SignIn, look: Look, grant: Grant, application: Application
) -> None:
    grant()
    grant("replica_use", "Aurora Press", duration=TERM | {"valid_to": "2027-01-31"})
    grant("photo_use", "Kestrel", life={"suspended_at": "2026-05-01"})
    revoked = grant("photo_use", "Bold Cola", duration=TERM | {"valid_to": "2026-12-31"})
    application.store.consents.revoke(revoked.consent_id, reason="contract ended")
    grant("training", "Kestrel", duration={"timezone": "UTC"})
    page = sign_in("reviewer")
    page.goto("/consents?talent=AG-1")
    expect(page.get_by_role("list").filter(has_text="20 Jun 2026").first).to_be_visible()
    expect(page.get_by_role("img", name="01 Feb 2026 – 31 Jan 2027")).to_be_visible()
    expect(page.get_by_text("void")).to_have_count(1)
    look(page, "consents")
    page.get_by_role("link", name="Use of photographs").last.click()
    look(page, "consent")


@pytest.mark.slow
def test_the_form_shows_what_a_kind_needs_and_tells_every_fault(
    sign_in: SignIn, look: Look, grant: Grant, application: Application
) -> None:
    page = sign_in()
    page.goto("/consents/new?talent=AG-1")
    page.get_by_role("radio", name="Biometric release").check()
    expect(page.get_by_role("heading", name="Who may use it")).to_be_hidden()
    page.get_by_role("radio", name="Use of photographs").check()
    expect(page.get_by_role("heading", name="Who may use it")).to_be_visible()
    expect(page.get_by_role("heading", name="AI terms")).to_be_hidden()
    page.get_by_role("radio", name="Use of a replica").check()
    expect(page.get_by_role("heading", name="AI terms")).to_be_visible()
    look(page, "consent-form")
    page.get_by_role("textbox", name="Client", exact=True).fill("Northwind")
    page.get_by_role("textbox", name="Purpose in a word").fill("ecommerce")
    page.get_by_role("textbox", name="Purpose in a sentence").fill("too short")
    page.get_by_role("textbox", name="Countries").fill("UK")
    page.get_by_role("button", name="Record the consent").click()
    expect(page.get_by_role("alert")).to_contain_text("2 things are wrong")
    expect(page.get_by_role("textbox", name="Client", exact=True)).to_have_value("Northwind")
    look(page, "consent-form-faults")
    page.get_by_role("link", name="Countries").click()
    assert page.evaluate("document.activeElement.name") == "territory.include"
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("GB FR")
    page.get_by_role("textbox", name="Purpose in a sentence").fill("Product pages of the spring range")
    page.get_by_role("button", name="Record the consent").click()
    expect(page.get_by_role("alert")).to_contain_text("would be void")
    look(page, "consent-form-void")
    page.get_by_role("button", name="Record it as it is").click()
    expect(page.get_by_role("heading", name="Void: it counts as no consent")).to_be_visible()
    look(page, "consent-void")
    (kept,) = application.store.consents.list()
    assert kept.territory
    assert kept.territory.include == ("GB", "FR")


def test_a_consent_gets_a_new_version_and_is_revoked_without_scripts(
    sign_in: SignIn, grant: Grant, application: Application
) -> None:
    record = grant()
    page = sign_in(java_script_enabled=False)
    page.goto(f"/consents/{record.consent_id}")
    page.get_by_role("link", name="Record a new version").click()
    page.get_by_label("To", exact=True).fill("2026-09-30")
    page.get_by_role("button", name="Record the new version").click()
    expect(page.get_by_text("Recorded.", exact=True)).to_be_visible()
    expect(page.get_by_role("complementary")).to_contain_text("30 Sep 2026")
    page.get_by_label("Reason").fill("contract ended")
    page.get_by_label("With effect from").fill("2026-07-01")
    page.get_by_role("button", name="Revoke this consent").click()
    expect(page.get_by_text("Revoked. The record stays")).to_be_visible()
    newest = application.store.consents.get(record.consent_id)
    assert newest.version == 3
    assert newest.life.revocation_reason == "contract ended"
