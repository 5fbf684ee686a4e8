"""Legal holds: what is held can't be erased, says so, and goes once it is released."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from data.store import NewReference, Store
from data.store.findings import KeptFinding, NewFinding
from data.store.keys import NewKey
from data.store.requests import Answered, Attempt
from detector.access import Role
from detector.errors import Conflict, LegalHold, NotFound, UsageError
from detector.record import parse_record, revised
from detector.review import Judgement, ReviewState
from tests.flagged import face, row

Make = Callable[..., NewReference]


@pytest.fixture
def key(store: Store) -> str:
    return store.keys.create(NewKey(Role.MONITOR, "console"))[0].id


@pytest.fixture
def ada(store: Store) -> str:
    return store.talents.add("AG-1", "Ada").id


def flagged(store: Store, key: str, *talents: str, picture: bytes = b"Ada at the shop") -> KeptFinding:
    made = row(*(face(talent) for talent in talents), picture=picture)
    found = store.findings.add(NewFinding(made, key, "Acme", None, picture))
    assert found is not None
    return found


def test_a_held_talent_loses_nothing_until_the_hold_ends(store: Store, ada: str, new_reference: Make) -> None:
    reference = store.references.add(ada, new_reference())
    hold = store.holds.place(ada, "Example v. Acme, Ada's lawyer")
    removals: list[Callable[[], object]] = [
        lambda: store.talents.erase(ada),
        lambda: store.references.remove(reference.id),
    ]
    for removal in removals:
        with pytest.raises(LegalHold, match=f"{hold.id}.*Example v. Acme"):
            removal()
    assert store.references.picture(reference.id)
    assert store.holds.on_talents([ada])[ada].startswith("legal hold")
    released = store.holds.release(ada, "settled")
    assert (released.id, released.release_reason) == (hold.id, "settled")
    store.talents.erase(ada)
    assert store.holds.list() == []
    assert store.holds.list(released=True) == [released]


def test_both_ends_of_a_hold_are_audited_without_its_words(store: Store, ada: str) -> None:
    hold = store.holds.place(ada, "a reason with a Name")
    store.holds.release(ada, "another Name")
    events = store.audit.list()[-2:]
    assert [(one.action, one.subject, one.details) for one in events] == [
        ("hold.placed", ada, {"hold": hold.id}),
        ("hold.released", ada, {"hold": hold.id}),
    ]


def test_a_hold_needs_a_subject_a_reason_and_no_other_hold(store: Store, ada: str) -> None:
    with pytest.raises(NotFound, match="no talent and no finding"):
        store.holds.place("tal_x", "why")
    for reason in ("", "  ", "x" * 1001):
        with pytest.raises(UsageError, match="reason"):
            store.holds.place(ada, reason)
    with pytest.raises(NotFound, match="under no legal hold"):
        store.holds.release(ada, "why")
    store.holds.place(ada, "why")
    with pytest.raises(Conflict, match="already"):
        store.holds.place(ada, "why")
    assert len(store.holds.list()) == 1


def test_a_consent_marked_as_held_holds_its_talent(store: Store, ada: str) -> None:
    stated = {
        "consent_id": "con_1",
        "kind": "training",
        "grantor": {"role": "self"},
        "privacy": {"legal_hold": True},
    }
    first = store.consents.add(parse_record(stated, talent_id=ada))
    with pytest.raises(LegalHold, match="con_1"):
        store.talents.erase(ada)
    store.consents.add(revised(first, privacy={"legal_hold": False}))
    store.talents.erase(ada)


def test_a_held_finding_outlives_its_talent_until_the_hold_ends(store: Store, key: str, ada: str) -> None:
    held, other = flagged(store, key, ada), flagged(store, key, ada, picture=b"Ada in the street")
    store.holds.place(held.id, "evidence in Example v. Acme")
    store.talents.erase(ada)
    assert store.findings.picture(held.id) == b"Ada at the shop"
    assert store.findings.get(held.id).talents == (ada,)
    with pytest.raises(NotFound):
        store.findings.get(other.id)
    assert (store.retention.left_of_erased(), store.retention.forget_erased()) == ([], 0)
    store.holds.release(held.id, "settled")
    assert store.retention.left_of_erased() == [ada]
    assert store.retention.forget_erased() == 1
    with pytest.raises(NotFound):
        store.findings.get(held.id)
    assert list(store.evidence.names()) == []
    assert store.audit.list()[-1].action == "evidence.released"


def test_pictures_of_settled_findings_go_after_their_time_and_no_others(
    store: Store, key: str, ada: str
) -> None:
    settled, held, open_one = (flagged(store, key, ada, picture=name) for name in (b"one", b"two", b"three"))
    for finding in (settled, held):
        store.findings.review(finding.id, 0, Judgement(ReviewState.WRONG_PERSON), key)
    store.holds.place(held.id, "why")
    assert store.retention.drop_evidence(settled.created_at) == 0
    after = store.now() + timedelta(days=1)
    assert store.retention.settled_evidence(after) == 1
    assert store.retention.drop_evidence(after) == 1
    assert [store.findings.get(one.id).picture for one in (settled, held, open_one)] == [False, True, True]
    assert store.audit.list()[-1].details["pictures"] == 1


def test_stored_answers_that_name_an_erased_talent_lose_their_words(store: Store, key: str, ada: str) -> None:
    bodies = {"mine": f'{{"id":"{ada}"}}', "ref": '["AG-1"]', "else": '["AG-2"]'}
    for name, body in bodies.items():
        attempt = Attempt(key, name, "POST /v1/talents")
        store.requests.begin(attempt)
        store.requests.finish(attempt, Answered("POST /v1/talents", "0", 201, [], body.encode()))
    store.talents.erase(ada)
    left = {name: store.requests.begin(Attempt(key, name, "POST /v1/talents")) for name in bodies}
    assert {name for name, one in left.items() if isinstance(one, Answered) and one.body is None} == {
        "mine",
        "ref",
    }
    assert all(isinstance(one, Answered) and one.status == 201 for one in left.values())
