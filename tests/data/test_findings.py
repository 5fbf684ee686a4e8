"""Findings in the store: what is kept with them, repetitions of what is benign, and two reviewers at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from data.store import Store
from data.store.database import Clock, Database
from data.store.findings import KeptFinding, NewFinding
from data.store.keys import NewKey
from data.store.service_tables import event
from detector.access import Role
from detector.errors import NotFound, OutcomeNotAllowed, StaleVersion, UsageError
from detector.finding import Row
from detector.review import Judgement, ReviewState
from tests.flagged import face, row

Flag = Callable[..., KeptFinding]
_R = ReviewState
PICTURE = b"the picture that was flagged"


@pytest.fixture
def key(store: Store) -> str:
    return store.keys.create(NewKey(Role.MONITOR, "console"))[0].id


@pytest.fixture
def ada(store: Store) -> str:
    return store.talents.add("AG-1", "Ada", agency="North").id


@pytest.fixture
def flag(store: Store, key: str, ada: str) -> Flag:
    """Keeps a finding of one picture that shows Ada."""

    def flagged(
        made: Row | None = None, client: str | None = "Acme", picture: bytes = PICTURE
    ) -> KeptFinding:
        made = made or row(face(ada), picture=picture)
        kept = store.findings.add(NewFinding(made, key, client, None, picture))
        assert kept is not None
        return kept

    return flagged


def outbox(store_url: str, clock: Clock) -> list[tuple[str, dict[str, object], str | None, str | None]]:
    database = Database(store_url, clock)
    with database.reading() as connection:
        rows = connection.execute(select(event).order_by(event.c.number)).all()
    database.close()
    return [(one.type, json.loads(one.payload), one.client, one.agency) for one in rows]


def test_a_finding_is_kept_with_its_picture_whom_it_names_and_its_event(
    store: Store, store_url: str, clock: Clock, flag: Flag, ada: str, key: str
) -> None:
    kept = flag()
    assert kept == store.findings.get(kept.id)
    assert (kept.state, kept.version, kept.talents, kept.picture) == (_R.OPEN, 0, (ada,), True)
    assert (kept.verdict, kept.severity, kept.client, kept.key_id) == ("no_consent", "high", "Acme", key)
    assert store.findings.picture(kept.id) == PICTURE
    [(kind, payload, client, agency)] = outbox(store_url, clock)
    assert (kind, client, agency) == ("finding.created", "Acme", "North")
    assert payload["finding"] == kept.id
    assert payload["talents"] == [ada]
    assert [entry.action for entry in store.audit.list(subject=kept.id)] == ["finding.created"]
    assert store.audit.verify() == []


def test_neither_rows_nor_pictures_show_in_a_repr(flag: Flag, ada: str) -> None:
    kept = flag()
    new = NewFinding(kept.row, "key", None, None, PICTURE)
    assert "the picture" not in repr(new)
    assert "no_consent" not in repr(new)
    assert "candidates" not in repr(kept)


def test_what_is_not_flagged_or_is_another_picture_is_not_taken(store: Store, key: str, ada: str) -> None:
    allowed = row(face(ada, verdict="authorised", severity="none"), picture=PICTURE)
    for made, picture in ((row(face(None)), b"picture"), (allowed, PICTURE), (row(face(ada)), b"another")):
        with pytest.raises(ValueError, match=r"flagged|not the one"):
            store.findings.add(NewFinding(made, key, None, None, picture))
    assert list(store.evidence.names()) == []
    assert store.audit.list(subject="finding.created") == []


def test_a_finding_without_its_picture_says_so(store: Store, key: str, ada: str) -> None:
    kept = store.findings.add(NewFinding(row(face(ada)), key))
    assert kept is not None
    assert not kept.picture
    with pytest.raises(NotFound) as caught:
        store.findings.picture(kept.id)
    assert caught.value.code == "picture_not_kept"
    for ask in (store.findings.get, store.findings.picture, store.findings.history):
        with pytest.raises(NotFound, match="fnd_none"):
            ask("fnd_none")


def test_of_whom_was_erased_since_the_check_nothing_is_kept(store: Store, key: str, ada: str) -> None:
    eve = store.talents.add("AG-2", "Eve").id
    store.talents.erase(ada)
    before = store.audit.head()
    assert store.findings.add(NewFinding(row(face(ada), picture=PICTURE), key, "Acme", None, PICTURE)) is None
    assert store.audit.head() == before
    kept = store.findings.add(NewFinding(row(face(eve, ada), picture=PICTURE), key, "Acme", None, PICTURE))
    assert kept is not None
    assert kept.talents == (eve,)
    assert ada not in json.dumps(kept.row)
    assert not kept.picture
    assert list(store.evidence.names()) == []


def test_decisions_follow_each_other_and_stay(
    store: Store, store_url: str, clock: Clock, flag: Flag, key: str
) -> None:
    kept = flag()
    confirmed = store.findings.review(kept.id, 0, Judgement(_R.CONFIRMED, "it is her"), key)
    assert (confirmed.state, confirmed.version) == (_R.CONFIRMED, 1)
    sent = store.findings.review(kept.id, 1, Judgement(_R.TAKE_DOWN_SENT), key)
    assert sent.reviewed_at is not None
    history = store.findings.history(kept.id)
    assert [(one.version, one.outcome, one.note, one.key_id) for one in history] == [
        (1, _R.CONFIRMED, "it is her", key),
        (2, _R.TAKE_DOWN_SENT, None, key),
    ]
    events = outbox(store_url, clock)
    assert [kind for kind, *_ in events] == ["finding.created", "finding.reviewed", "finding.reviewed"]
    assert events[2][1] | {"outcome": "take_down_sent", "before": "confirmed", "version": 2} == events[2][1]
    assert "it is her" not in json.dumps(events)
    assert store.audit.verify() == []


def test_a_refused_decision_changes_nothing(store: Store, flag: Flag, key: str) -> None:
    kept = flag()
    head = store.audit.head()
    for version, judgement, error in (
        (0, Judgement(_R.TAKE_DOWN_SENT), OutcomeNotAllowed),
        (0, Judgement(_R.AUTHORISED_OUT_OF_BAND), UsageError),
        (1, Judgement(_R.CONFIRMED), StaleVersion),
    ):
        with pytest.raises(error):
            store.findings.review(kept.id, version, judgement, key)
    assert store.findings.get(kept.id) == kept
    assert store.audit.head() == head


def test_of_reviewers_at_once_one_decides_and_the_others_are_told(store: Store, flag: Flag, key: str) -> None:
    kept = flag()

    def decide(outcome: ReviewState) -> str:
        try:
            store.findings.review(kept.id, 0, Judgement(outcome), key)
        except StaleVersion:
            return "stale"
        return "decided"

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(decide, [_R.CONFIRMED, _R.WRONG_PERSON, _R.ESCALATED, _R.CONFIRMED]))
    assert sorted(said) == ["decided", "stale", "stale", "stale"]
    assert len(store.findings.history(kept.id)) == 1


def test_what_a_person_called_the_wrong_person_is_not_brought_up_again(
    store: Store, store_url: str, clock: Clock, flag: Flag, ada: str, key: str
) -> None:
    first = flag()
    assert flag().state is _R.OPEN
    store.findings.review(first.id, 0, Judgement(_R.WRONG_PERSON), key)
    told = len(outbox(store_url, clock))
    again = flag(row(face(ada), picture=PICTURE, use={"medium": "print"}), client=" ACME ")
    assert (again.state, again.repeats) == (_R.SUPPRESSED, first.id)
    assert len(outbox(store_url, clock)) == told
    eve = store.talents.add("AG-2", "Eve").id
    for made, client, picture in (
        (row(face(ada), face(eve), picture=PICTURE), "Acme", PICTURE),
        (row(face(ada), picture=PICTURE), "Other", PICTURE),
        (row(face(ada), picture=PICTURE), None, PICTURE),
        (row(face(ada), picture=b"another"), "Acme", b"another"),
    ):
        assert flag(made, client, picture).state is _R.OPEN
    store.findings.review(first.id, 1, Judgement(_R.CONFIRMED, "it is her after all"), key)
    assert flag().state is _R.OPEN


def test_what_a_document_authorises_holds_for_that_use_and_no_graver_verdict(
    store: Store, flag: Flag, ada: str, key: str
) -> None:
    first = flag()
    store.findings.review(first.id, 0, Judgement(_R.AUTHORISED_OUT_OF_BAND, None, "contract 17"), key)
    assert flag().state is _R.SUPPRESSED
    assert flag(row(face(ada), picture=PICTURE, use={"client": "Acme", "medium": "tv"})).state is _R.OPEN
    graver = row(face(ada, severity="critical"), picture=PICTURE)
    assert flag(graver).state is _R.OPEN


def test_a_suppressed_finding_can_be_decided_on_all_the_same(store: Store, flag: Flag, key: str) -> None:
    first = flag()
    store.findings.review(first.id, 0, Judgement(_R.WRONG_PERSON), key)
    again = flag()
    assert store.findings.review(again.id, 0, Judgement(_R.CONFIRMED), key).state is _R.CONFIRMED


def test_the_kept_picture_lies_apart_from_references_and_survives_a_sweep(
    store: Store, store_url: str, flag
) -> None:
    kept = flag()
    folder = Path(store_url.removeprefix("sqlite:///")).parent / "evidence"
    assert [file.name for file in folder.glob("??/*")] == [kept.sha256]
    store.sweep()
    assert store.findings.picture(kept.id) == PICTURE
