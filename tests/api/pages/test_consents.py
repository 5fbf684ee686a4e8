"""The consents' pages: who sees which records, what the form keeps and refuses, what a revocation leaves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from api.composition import Application
from data.store import Store
from detector.record import ConsentRecord
from tests.api.pages.conftest import Browser

Browse = Callable[..., Browser]
Grant = Callable[..., ConsentRecord]

SOUND = {
    "kind": "photo_use",
    "grantor.role": "self",
    "grantee.client": "Acme",
    "purpose.code": "ecommerce",
    "purpose.description": "Pictures of the spring range in the shop",
    "duration.timezone": "UTC",
    "duration.valid_from": "2026-02-01",
    "duration.valid_to": "2026-12-31",
    "form.signed_at": "2026-01-15",
    "form.document_sha256": "ab" * 32,
}


@pytest.fixture
def grant(application: Application, ada: str) -> Grant:
    """Puts a record of Ada's on record."""

    def grant(**changes: Any) -> ConsentRecord:
        document = {
            "kind": "photo_use",
            "grantor": {"role": "self"},
            "grantee": {"client": "Acme"},
            "duration": {"timezone": "UTC", "valid_from": "2026-02-01", "valid_to": "2026-12-31"},
            "form": {"signed_at": "2026-01-15", "document_sha256": "ab" * 32},
        }
        return application.registration.record_consent(document | changes, ada)

    return grant


def test_the_list_tells_whose_what_for_whom_and_until_when(browse_as: Browse, grant: Grant) -> None:
    record = grant()
    page = browse_as().get("/consents")
    assert f"/consents/{record.consent_id}" in page
    assert "Ada &lt;Example&gt;" in page
    assert "01 Feb 2026 – 31 Dec 2026" in page
    assert "Ends next" in page


def test_filters_leave_out_what_does_not_fit(browse_as: Browse, grant: Grant) -> None:
    record, browser = grant(), browse_as()
    for query in ("talent=AG-1", "client=ACME", "kind=photo_use", "status=active"):
        assert record.consent_id in browser.get(f"/consents?{query}"), query
    for query in ("client=Other", "kind=training", "status=revoked", "status=nonsense&client=x"):
        assert record.consent_id not in browser.get(f"/consents?{query}"), query
    assert "Nobody is registered as" in browser.get("/consents?talent=nobody")


def test_the_list_goes_on_where_the_page_ended(browse_as: Browse, grant: Grant) -> None:
    kept = {grant().consent_id for _ in range(33)}
    browser = browse_as()
    first = browser.get("/consents?client=acme")
    onward = re.search(r'href="(/consents\?[^"]*after=[^"]*)"', first)
    assert onward
    second = browser.get(unescape(onward[1]))
    seen = [set(re.findall(r"data-row href=\"/consents/(con_\w+)", page)) for page in (first, second)]
    assert seen[0] | seen[1] == kept
    assert not seen[0] & seen[1]


def test_a_registrar_sees_its_agency_alone_and_a_client_what_it_was_granted(
    browse_as: Browse, grant: Grant
) -> None:
    consent_id = grant().consent_id
    for who in (browse_as("registrar", agency="Other"), browse_as("monitor", client="Other")):
        assert consent_id not in who.get("/consents")
        assert consent_id not in who.get("/consents?talent=AG-1&client=Acme")
        for path in (f"/consents/{consent_id}", f"/consents/{consent_id}.json"):
            who.get(path, 404)
    for who in (browse_as("registrar", agency="MUSE"), browse_as("monitor", client="acme")):
        assert consent_id in who.get("/consents")
        who.get(f"/consents/{consent_id}")


def test_reading_is_no_right_to_write(browse_as: Browse, grant: Grant) -> None:
    consent_id, reviewer = grant().consent_id, browse_as("reviewer")
    assert "/revoke" not in reviewer.get(f"/consents/{consent_id}")
    reviewer.get("/consents/new", 403)
    reviewer.get(f"/consents/{consent_id}/revise", 403)
    answer = reviewer.send("/consents", f"/consents/{consent_id}/revoke", {"reason": "because"})
    assert answer.status_code == 403
    browse_as("scanner", client="Acme").get("/consents", 403)


def test_what_is_typed_is_put_on_record(browse_as: Browse, store: Store, ada: str) -> None:
    answer = browse_as().send("/consents/new?talent=AG-1", "/consents/new", {**SOUND, "talent": "AG-1"})
    assert answer.status_code == 303
    (kept,) = store.consents.list(ada)
    assert answer.headers["location"] == f"/consents/{kept.consent_id}?done=consent.recorded"
    assert kept.grantee
    assert (kept.grantee.client, kept.talent_id) == ("Acme", ada)


def test_every_fault_stands_beside_its_field_and_what_was_typed_stays(
    browse_as: Browse, store: Store, ada: str
) -> None:
    wrong = {**SOUND, "purpose.description": "short <b>", "territory.include": "UK", "talent": "AG-1"}
    answer = browse_as().send("/consents/new", "/consents/new", wrong)
    assert answer.status_code == 422
    for path in ("purpose.description", "territory.include"):
        assert f'id="e-{path}"' in answer.text
        assert f'href="#f-{path}"' in answer.text
    assert "short &lt;b&gt;</textarea>" in answer.text
    assert 'value="Acme"' in answer.text
    assert store.consents.list(ada) == []


def test_nobody_elses_talent_can_be_named(browse_as: Browse, store: Store, ada: str) -> None:
    browser = browse_as("registrar", agency="Other")
    for given in ("AG-1", ada, "nobody", ""):
        answer = browser.send("/consents/new", "/consents/new", {**SOUND, "talent": given})
        assert answer.status_code == 422
        assert 'id="e-talent"' in answer.text
        assert "Ada" not in answer.text
    assert store.consents.list(ada) == []


def test_a_void_record_is_shown_for_what_it_is_before_it_is_kept(
    browse_as: Browse, store: Store, ada: str
) -> None:
    browser, typed = browse_as(), {**SOUND, "kind": "replica_use", "talent": "AG-1"}
    asked = browser.send("/consents/new", "/consents/new", typed)
    assert asked.status_code == 200
    assert "would be void" in asked.text
    assert "It states no pay." in asked.text
    assert store.consents.list(ada) == []
    seen = re.search(r'name="seen" value="([^"]+)"', asked.text)
    assert seen
    changed = browser.send(
        "/consents/new",
        "/consents/new",
        {**typed, "purpose.code": "", "purpose.description": "", "seen": seen[1]},
    )
    assert changed.status_code == 200  # what is missing now was not shown yet
    assert browser.send("/consents/new", "/consents/new", {**typed, "seen": seen[1]}).status_code == 303
    (kept,) = store.consents.list(ada)
    assert "Void: it counts as no consent" in browser.get(f"/consents/{kept.consent_id}")


def test_the_digest_of_a_signed_document_is_worked_out(browse_as: Browse, store: Store, ada: str) -> None:
    paper = {"form.document.file": ("north.pdf", b"signed", "application/pdf")}
    typed = {**SOUND, "form.document_sha256": "", "talent": "AG-1"}
    assert browse_as().send("/consents/new", "/consents/new", typed, files=paper).status_code == 303
    (kept,) = store.consents.list(ada)
    assert kept.form.document == "north.pdf"
    assert kept.form.document_sha256 == hashlib.sha256(b"signed").hexdigest()


def test_a_new_version_starts_from_the_last_one_and_says_what_changed(
    browse_as: Browse, store: Store, grant: Grant
) -> None:
    consent_id, browser = grant().consent_id, browse_as()
    path = f"/consents/{consent_id}/revise"
    assert 'value="2026-12-31"' in browser.get(path)
    typed = {**SOUND, "kind": "training", "duration.valid_to": "2027-01-31", "version": "1"}
    assert browser.send(path, path, typed).status_code == 303
    newest = store.consents.get(consent_id)
    assert (newest.version, newest.supersedes, str(newest.kind)) == (2, 1, "photo_use")
    page = browser.get(f"/consents/{consent_id}")
    assert "<del>31 Dec 2026</del> <ins>31 Jan 2027</ins>" in page
    assert "This is version 1" in browser.get(f"/consents/{consent_id}?version=1")


def test_a_version_that_somebody_else_recorded_meanwhile_is_not_covered_up(
    browse_as: Browse, store: Store, grant: Grant
) -> None:
    consent_id, browser = grant().consent_id, browse_as()
    path = f"/consents/{consent_id}/revise"
    typed = {**SOUND, "version": "1"}
    assert browser.send(path, path, {**typed, "duration.valid_to": "2027-01-31"}).status_code == 303
    late = browser.send(path, path, {**typed, "duration.valid_to": "2028-01-31"})
    assert late.status_code == 422
    assert "the next version is 3" in late.text
    assert 'value="2028-01-31"' in late.text
    assert store.consents.get(consent_id).version == 2


def test_a_revocation_needs_a_reason_and_takes_a_day(browse_as: Browse, store: Store, grant: Grant) -> None:
    consent_id, browser = grant().consent_id, browse_as()
    page, path = f"/consents/{consent_id}", f"/consents/{consent_id}/revoke"
    silent = browser.send(page, path, {"reason": " ", "effective_at": "2026-07-01"})
    assert silent.status_code == 422
    assert 'value="2026-07-01"' in silent.text
    odd = browser.send(page, path, {"reason": "ended", "effective_at": "soon"})
    assert odd.status_code == 422
    assert "ended</textarea>" in odd.text
    assert store.consents.get(consent_id).life.revoked_at is None
    assert browser.send(page, path, {"reason": "ended", "effective_at": "2026-07-01"}).status_code == 303
    life = store.consents.get(consent_id).life
    assert life.effective_at
    assert (life.revocation_reason, life.effective_at.date().isoformat()) == ("ended", "2026-07-01")
    assert "/revise" not in browser.get(page)


def test_a_record_is_downloaded_with_all_its_versions(browse_as: Browse, store: Store, grant: Grant) -> None:
    consent_id = grant().consent_id
    store.consents.revoke(consent_id, reason="ended")
    found = browse_as().client.get(f"/consents/{consent_id}.json")
    assert [one["version"] for one in found.json()] == [1, 2]


def test_any_id_that_a_record_was_given_leads_to_its_page(browse_as: Browse, grant: Grant) -> None:
    grant(consent_id="Vertrag 17 #2?é")
    browser = browse_as()
    link = re.search(r'data-row href="([^"]+)"', browser.get("/consents"))
    assert link
    assert "Use of photographs: Acme" in browser.get(unescape(link[1]))
    answer = browser.send(link[1], f"{link[1]}/revoke", {"reason": "ended"})
    assert answer.status_code == 303
    assert "Revoked." in browser.get(answer.headers["location"])


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"]
)
def test_nothing_that_was_recorded_becomes_part_of_the_page(
    browse_as: Browse, store: Store, application: Application, hostile: str
) -> None:
    talent = store.talents.add(f"ref {hostile}", f"name {hostile}", agency=hostile)
    document = {
        "kind": "photo_use",
        "grantor": {"role": "agent", "name": hostile, "authority": hostile},
        "grantee": {"client": hostile, "affiliates": [hostile]},
        "scope": {"products": [hostile], "media": "any"},
        "purpose": {"code": hostile, "description": hostile.ljust(30, "x")},
        "form": {"signed_at": "2026-01-15", "document": hostile},
    }
    record = application.registration.record_consent(document, talent.id)
    browser, consent = browse_as(), f"/consents/{record.consent_id}"
    pages = ["/consents", consent, f"{consent}/revise", "/consents/new", "/talents"]
    for path in [*pages, *(f"/talents/{talent.id}{end}" for end in ("", "/edit", "/erase"))]:
        page = browser.get(path)
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
    assert "{{ 7 * 7 }}" in browser.get(consent) or "7 * 7" not in hostile
