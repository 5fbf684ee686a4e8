"""The queue and a finding's page: what they show to whom, and how a decision is made on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from data.store import Store
from data.store.findings import KeptFinding
from detector.review import Judgement, ReviewState
from tests.api.colours import BLUE, RED, drawn
from tests.api.pages.conftest import Browser
from tests.flagged import decision, face, row

Browse = Callable[..., Browser]
Flag = Callable[..., KeptFinding]


def version_in(page: str) -> str:
    return page.partition('name="version" value="')[2].partition('"')[0]


def test_the_queue_shows_the_gravest_first_and_leads_to_each(
    browse_as: Browse, flagged: Flag, ada: str
) -> None:
    mild = row(face(ada, severity="low", verdict="needs_review"), picture=drawn(BLUE))
    first = flagged(
        source="/shop/mild.jpg", **{name: mild[name] for name in ("faces", "verdict", "severity", "decision")}
    )
    grave = flagged(source="/shop/<grave>.jpg", picture=drawn(RED, seed=9))
    page = browse_as("reviewer").get("/review")
    assert page.index(grave.id) < page.index(first.id)
    assert "&lt;grave&gt;.jpg" in page
    assert "<grave>" not in page
    assert "Ada &lt;Example&gt;" in page
    assert "2 pictures wait for a person: 1 high, 1 low." in page


def test_filters_narrow_the_list_and_stay_in_its_links(browse_as: Browse, flagged: Flag) -> None:
    acme, bold = flagged("Acme"), flagged("Bold", drawn(RED, seed=9))
    page = browse_as("reviewer").get("/review?client=acme&sort=newest")
    assert f'href="/review/{acme.id}?client=acme&amp;sort=newest"' in page
    assert bold.id not in page
    assert "No finding fits." in browse_as("reviewer").get("/review?severity=critical")


def test_what_is_not_understood_in_an_address_counts_as_not_asked(browse_as: Browse, flagged: Flag) -> None:
    found = flagged()
    page = browse_as("reviewer").get("/review?state=%22%3E&severity=x&verdict=y&sort=z&done=nothing")
    assert found.id in page


def test_a_clients_key_sees_its_own_findings_alone(browse_as: Browse, flagged: Flag) -> None:
    own, other = flagged("Acme"), flagged("Bold", drawn(RED, seed=9))
    scanner = browse_as("scanner", client="ACME")
    page = scanner.get("/review?state=all")
    assert own.id in page
    assert other.id not in page
    scanner.get(f"/review/{own.id}")
    for path in (f"/review/{other.id}", f"/review/{other.id}.json", f"/pictures/findings/{other.id}"):
        scanner.get(path, 404)
    scanner.get("/review/fnd_none", 404)


def test_a_long_queue_goes_on(browse_as: Browse, flagged: Flag) -> None:
    made = [flagged(picture=drawn(RED, seed=100 + number)).id for number in range(43)]
    browser = browse_as("reviewer")
    first = browser.get("/review")
    onwards = first.partition('href="/review?cursor=')[2].partition('"')[0]
    second = browser.get(f"/review?cursor={onwards}")
    shown = [found for found in made if found in first], [found for found in made if found in second]
    assert (len(shown[0]), len(shown[1]), sorted(shown[0] + shown[1])) == (40, 3, sorted(made))
    browser.get(f"/review?cursor={onwards[:-4]}xxxx", 422)


def test_the_page_shows_evidence_threshold_reference_and_records(
    browse_as: Browse, flagged: Flag, ada: str, reference: str, store: Store
) -> None:
    other = store.talents.add("AG-2", "Bo Example").id
    matched = face(ada, other)
    matched["candidates"][0]["reference"] = reference
    consent = {"consent_id": "con_1", "version": 2, "kind": "photo_use", "status": "active", "covers": False}
    why = [{"code": "medium_outside", "detail": "The record grants print; this is <tv>."}]
    matched["decision"]["consents"] = [{**consent, "why": why}]
    page = browse_as("reviewer").get(f"/review/{flagged(faces=[matched]).id}")
    assert f'src="/pictures/references/{reference}"' in page
    assert "match from 7.50" in page
    assert "strength <b>9.50</b>" in page
    assert f"next: R-{other}" in page
    assert "The record grants print; this is &lt;tv&gt;." in page
    assert 'href="/consents/con_1"' in page
    assert "Nothing is on record." in page


def test_a_scanner_sees_no_name_no_reference_and_no_decision_form(
    browse_as: Browse, flagged: Flag, ada: str, reference: str
) -> None:
    matched = face(ada)
    matched["candidates"][0]["reference"] = reference
    found = flagged(faces=[matched])
    scanner = browse_as("scanner", client="Acme")
    page = scanner.get(f"/review/{found.id}")
    assert "Ada" not in page
    assert "/pictures/references/" not in page
    assert 'name="outcome"' not in page
    scanner.get(f"/pictures/references/{reference}", 403)
    assert scanner.send("/review", f"/review/{found.id}", {"outcome": "confirmed"}).status_code == 403


def test_a_registrar_sees_references_of_its_agency_alone(browse_as: Browse, reference: str) -> None:
    browse_as("registrar", agency="muse").get("/talents/none", 404)
    own = browse_as("registrar", agency="muse").client.get(f"/pictures/references/{reference}")
    assert own.headers["Content-Type"] == "image/jpeg"
    browse_as("registrar", agency="Elm").get(f"/pictures/references/{reference}", 404)


def test_a_picture_is_sent_as_a_jpeg_made_here(browse_as: Browse, flagged: Flag) -> None:
    found = flagged()
    response = browse_as("reviewer").client.get(f"/pictures/findings/{found.id}?size=thumb")
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.content.startswith(b"\xff\xd8")
    assert response.headers["Cache-Control"] == "no-store"


def test_a_decision_is_kept_and_leads_to_the_next(browse_as: Browse, flagged: Flag, store: Store) -> None:
    # made in the same moment, so their ids say who comes first
    first, second = sorted((flagged(), flagged(picture=drawn(RED, seed=9))), key=lambda each: each.id)
    browser = browse_as("reviewer")
    page = browser.get(f"/review/{first.id}?client=Acme")
    assert f'href="/review/{second.id}?client=Acme" rel="next"' in page
    fields = {"outcome": "confirmed", "note": "clear <case>", "version": version_in(page), "after": second.id}
    saved = browser.send(f"/review/{first.id}", f"/review/{first.id}?client=Acme", fields)
    assert saved.headers["Location"] == f"/review/{second.id}?client=Acme&done=decided.confirmed"
    assert "Saved: confirmed." in browser.get(saved.headers["Location"])
    assert store.findings.get(first.id).state is ReviewState.CONFIRMED
    history = browser.get(f"/review/{first.id}")
    assert "clear &lt;case&gt;" in history
    assert "by the reviewer" in history


def test_the_last_of_a_list_leads_back_to_it(browse_as: Browse, flagged: Flag) -> None:
    found = flagged()
    fields = {"outcome": "escalated", "version": "0", "after": "https://elsewhere.example"}
    saved = browse_as("reviewer").send(f"/review/{found.id}", f"/review/{found.id}", fields)
    assert saved.headers["Location"] == "/review?done=queue.end"


def test_two_reviewers_cant_overwrite_each_other(browse_as: Browse, flagged: Flag, store: Store) -> None:
    found = flagged()
    browser = browse_as("reviewer")
    seen = version_in(browser.get(f"/review/{found.id}"))
    store.findings.review(found.id, 0, Judgement(ReviewState.WRONG_PERSON), found.key_id)
    fields = {"outcome": "confirmed", "note": "what I had typed", "version": seen}
    late = browser.send(f"/review/{found.id}", f"/review/{found.id}", fields)
    assert late.status_code == 409
    assert "what I had typed" in late.text
    assert store.findings.get(found.id).state is ReviewState.WRONG_PERSON


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "choose what it is"),
        ({"outcome": "nonsense"}, "choose what it is"),
        ({"outcome": "authorised_out_of_band"}, "needs the document"),
        ({"outcome": "resolved"}, "can&#39;t become resolved"),
    ],
)
def test_a_decision_that_lacks_something_comes_back_with_why(
    browse_as: Browse, flagged: Flag, fields: dict[str, str], said: str
) -> None:
    found = flagged()
    refused = browse_as("reviewer").send(
        f"/review/{found.id}", f"/review/{found.id}", {"version": "0", **fields}
    )
    assert refused.status_code == 422
    assert said in refused.text


def test_a_documents_file_is_read_for_its_digest_alone(
    browse_as: Browse, flagged: Flag, store: Store
) -> None:
    found, paper = flagged(), b"the signed paper"
    fields = {"outcome": "authorised_out_of_band", "document": "contract 7", "version": "0"}
    files = {"paper": ("contract.pdf", paper, "application/pdf")}
    browse_as("reviewer").send(f"/review/{found.id}", f"/review/{found.id}", fields, files=files)
    kept = store.findings.history(found.id)[0]
    assert (kept.document, kept.document_sha256) == ("contract 7", hashlib.sha256(paper).hexdigest())


def test_a_client_reads_nothing_of_other_clients_records(browse_as: Browse, flagged: Flag, ada: str) -> None:
    judged = decision(ada)
    why = [{"code": "client_outside", "detail": "The record is granted to Rival House."}]
    record = {"consent_id": "con_9", "version": 1, "kind": "photo_use", "status": "active", "covers": False}
    judged["consents"] = [{**record, "why": why}]
    judged["reasons"] = why
    matched = {**face(ada), "decision": judged}
    found = flagged(faces=[matched], decision=judged)
    assert "Rival House" in browse_as("reviewer").get(f"/review/{found.id}")
    scanner = browse_as("scanner", client="Acme")
    assert "Rival House" not in scanner.get(f"/review/{found.id}") + scanner.get(f"/review/{found.id}.json")
    assert "Rival House" not in scanner.get("/review")
