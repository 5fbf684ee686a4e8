"""The talents' pages: who sees whom, registering with release and pictures, outcomes per file, changes, erasure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest
from httpx2 import Response

from api.composition import Application
from api.http.service import Service
from data.store import Store
from data.store.talents import TalentFilter
from detector.errors import NotFound
from detector.terms import ConsentKind
from tests.api.colours import BLUE, GREY, RED, Colour, drawn
from tests.api.pages.conftest import Browser

Browse = Callable[..., Browser]

NEW = {
    "name": "Eve Example",
    "ref": "AG-9",
    "agency": "Muse",
    "signed_at": "2026-01-15",
    "retain_until": "2029-01-15",
}
RELEASE = {
    "kind": "biometric_enrolment",
    "grantor": {"role": "self"},
    "form": {"signed_at": "2026-01-15", "document_sha256": "ab" * 32},
    "privacy": {"retention_until": "2029-01-15"},
}


@pytest.fixture
def released(application: Application, ada: str) -> str:
    """Ada, with a biometric release in force."""
    application.registration.record_consent(RELEASE, ada)
    return ada


def picture(name: str, *colours: Colour, seed: int = 0) -> tuple[str, tuple[str, bytes, str]]:
    return ("pictures", (name, drawn(*colours, seed=seed), "image/png"))


def register(browser: Browser, *pictures: tuple[str, tuple[str, bytes, str]], **changes: str) -> Response:
    return browser.send("/talents/new", "/talents/new", {**NEW, **changes}, files=list(pictures))


def warm(browser: Browser) -> None:
    service: Service = browser.client.app.state.service  # type: ignore[attr-defined] # the test client's application
    service.warm_up()


def test_the_list_shows_who_can_be_recognised_and_finds_by_name_and_reference(
    browse_as: Browse, ada: str, store: Store
) -> None:
    store.talents.add("ZZ-7", "Zoë Övermark", agency="Muse")
    browser = browse_as()
    page = browser.get("/talents")
    assert "Ada &lt;Example&gt;" in page
    assert "no release in force" in page
    for query, found in (("ada", True), ("AG-", True), ("%", False), ("övermark", False)):
        assert (ada in browser.get(f"/talents?q={query}")) is found, query
    for query in ("ÖVERMARK", "zoë", "zz-7"):
        assert "Zoë" in browser.get(f"/talents?q={query}"), query


def test_a_registrar_sees_and_changes_its_agency_alone(browse_as: Browse, ada: str, reference: str) -> None:
    stranger = browse_as("registrar", agency="Other")
    assert ada not in stranger.get("/talents")
    for path in ("", "/edit", "/erase"):
        stranger.get(f"/talents/{ada}{path}", 404)
    for path, fields in (
        (f"/talents/{ada}/edit", {"name": "Mine"}),
        (f"/talents/{ada}/erase", {"typed": "AG-1"}),
        (f"/talents/{ada}/references/{reference}/remove", {}),
    ):
        assert stranger.send("/talents/new", path, fields).status_code == 404, path
    assert ada in browse_as("registrar", agency="MUSE").get("/talents")


def test_reading_is_no_right_to_write(browse_as: Browse, ada: str) -> None:
    reviewer = browse_as("reviewer")
    page = reviewer.get(f"/talents/{ada}")
    assert "/edit" not in page
    assert "Add pictures" not in page
    for path in ("/talents/new", f"/talents/{ada}/edit", f"/talents/{ada}/erase"):
        reviewer.get(path, 403)
    assert reviewer.send("/talents", f"/talents/{ada}/erase", {"typed": "AG-1"}).status_code == 403


def test_registering_keeps_person_release_and_pictures_and_tells_of_each_file(
    browse_as: Browse, store: Store
) -> None:
    browser = browse_as()
    warm(browser)
    files = [
        picture("one.png", BLUE, seed=1),
        picture("nobody.png", GREY),
        ("pictures", ("note.txt", b"hello", "text/plain")),
    ]
    answer = register(browser, *files)
    assert answer.status_code == 200
    assert "Eve Example is registered." in answer.text
    assert "1 kept, 2 not kept" in answer.text
    for code in ("no_face", "not_an_image"):
        assert f'<span class="code">{code}</span>' in answer.text
    eve = store.talents.by_ref("AG-9")
    assert [kept.source for kept in store.references.list(eve.id)] == ["one.png"]
    assert [record.kind for record in store.consents.list(eve.id)] == [ConsentKind.BIOMETRIC_ENROLMENT]
    assert "can be recognised" in browser.get(f"/talents/{eve.id}")


def test_a_release_that_is_refused_registers_nobody(browse_as: Browse, store: Store) -> None:
    answer = register(browse_as(), signed_at="then", retain_until="never")
    assert answer.status_code == 422
    for field in ("signed_at", "retain_until"):
        assert f'id="e-{field}"' in answer.text
    assert 'value="Eve Example"' in answer.text
    assert store.talents.page(TalentFilter(), None, 9) == []


def test_what_is_missing_or_taken_is_told_beside_its_field(browse_as: Browse, ada: str) -> None:
    browser = browse_as()
    blank = register(browser, name="", ref="", signed_at="")
    for field in ("name", "ref", "signed_at"):
        assert f'id="e-{field}"' in blank.text
    assert 'id="e-ref"' in register(browser, ref="AG-1").text
    other = register(browse_as("registrar", agency="North"))
    assert other.status_code == 422
    assert "registers talents of the agency North only" in other.text


def test_a_documents_name_is_never_taken_for_a_file_of_this_machine(browse_as: Browse, store: Store) -> None:
    answer = register(browse_as(), document_sha256="/etc/passwd")
    assert answer.status_code == 422
    assert 'id="e-document_sha256"' in answer.text
    paper = ("document", ("release.pdf", b"signed", "application/pdf"))
    assert register(browse_as(), paper).status_code == 303
    (kept,) = store.consents.list(store.talents.by_ref("AG-9").id)
    assert kept.form.document_sha256 == hashlib.sha256(b"signed").hexdigest()


def test_without_pictures_the_networks_need_not_be_there(browse_as: Browse, store: Store) -> None:
    answer = register(browse_as(), signed_at="", retain_until="")
    assert answer.status_code == 303
    assert store.consents.list(store.talents.by_ref("AG-9").id) == []


def test_of_several_faces_the_one_that_is_meant_is_chosen(
    browse_as: Browse, store: Store, released: str
) -> None:
    browser, path = browse_as(), f"/talents/{released}"
    warm(browser)
    two = [picture("two.png", RED, BLUE)]
    asked = browser.send(path, f"{path}/references", {}, files=two)
    boxes = re.findall(r'name="box" value="([^"]+)"', asked.text)
    assert len(boxes) == 2
    assert store.references.list(released) == []
    taken = browser.send(path, f"{path}/references", {"box": boxes[0]}, files=two)
    assert "1 kept" in taken.text
    assert len(store.references.list(released)) == 1


def test_a_doubtful_picture_is_kept_when_somebody_has_looked(
    browse_as: Browse, store: Store, released: str
) -> None:
    browser, path = browse_as(), f"/talents/{released}"
    warm(browser)
    assert "Eve Example is registered." in register(browser, picture("eve.png", BLUE, seed=1)).text
    hers = [picture("hers.png", BLUE, seed=2)]
    doubted = browser.send(path, f"{path}/references", {}, files=hers)
    assert "closer_to_another_talent" in doubted.text
    assert "I have looked" in doubted.text
    assert "1 kept" in browser.send(path, f"{path}/references", {"confirm": "yes"}, files=hers).text


def test_without_a_release_no_picture_is_kept(browse_as: Browse, store: Store, ada: str) -> None:
    browser = browse_as()
    warm(browser)
    answer = browser.send(
        f"/talents/{ada}/edit", f"/talents/{ada}/references", {}, files=[picture("one.png", RED)]
    )
    assert "no_release" in answer.text
    assert store.references.list(ada) == []


def test_a_reference_is_removed(browse_as: Browse, store: Store, ada: str, reference: str) -> None:
    browser = browse_as()
    assert reference in browser.get(f"/talents/{ada}")
    answer = browser.send(f"/talents/{ada}", f"/talents/{ada}/references/{reference}/remove", {})
    assert answer.status_code == 303
    assert store.references.list(ada) == []


def test_a_change_is_saved_and_one_made_in_view_of_something_else_is_not(
    browse_as: Browse, store: Store, ada: str
) -> None:
    browser, path = browse_as(), f"/talents/{ada}/edit"
    seen = re.search(r'name="seen" value="([^"]+)"', browser.get(path))
    assert seen
    tag = seen[1].replace("&#34;", '"')
    typed = {"name": "Ada B.", "agency": "Muse", "minor": "yes", "seen": tag}
    assert browser.send(path, path, typed).status_code == 303
    assert (store.talents.get(ada).name, store.talents.get(ada).minor) == ("Ada B.", True)
    late = browser.send(path, path, {**typed, "name": "Somebody"})
    assert late.status_code == 422
    assert 'value="Somebody"' in late.text
    assert store.talents.get(ada).name == "Ada B."


def test_erasing_takes_the_reference_typed_once_more(
    browse_as: Browse, store: Store, ada: str, reference: str
) -> None:
    browser, path = browse_as(), f"/talents/{ada}/erase"
    assert "1 picture" in browser.get(path)
    assert browser.send(path, path, {"typed": "ag-1"}).status_code == 422
    assert store.talents.get(ada).erased_at is None
    assert browser.send(path, path, {"typed": "AG-1"}).status_code == 303
    with pytest.raises(NotFound):
        store.references.get(reference)
    page = browser.get(f"/talents/{ada}")
    assert "Erased: no picture is kept." in page
    assert "Ada" not in page


def test_an_erasure_that_is_held_says_so(browse_as: Browse, store: Store, ada: str) -> None:
    store.holds.place(ada, "lawsuit")
    path = f"/talents/{ada}/erase"
    answer = browse_as().send(path, path, {"typed": "AG-1"})
    assert answer.status_code == 422
    assert "legal hold" in answer.text
    assert store.talents.get(ada).erased_at is None


def test_consents_of_other_clients_are_not_shown(
    browse_as: Browse, application: Application, ada: str
) -> None:
    licence = {"kind": "photo_use", "grantor": {"role": "self"}, "grantee": {"client": "Acme"}}
    record = application.registration.record_consent(licence, ada)
    assert record.consent_id in browse_as("reviewer", client="ACME").get(f"/talents/{ada}")
    assert record.consent_id not in browse_as("reviewer", client="Other").get(f"/talents/{ada}")
