"""The take-down notice: what it says, when it is drafted, and that templates and statutes are the user's to replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from api.composition import Application
from api.evidence.gathering import gather
from api.evidence.notice import FOLDER, Sender, draft_notice, read_statutes
from data.store.findings import KeptFinding
from detector.errors import SettingsError, UsageError
from detector.review import Judgement, ReviewState
from tests.api.colours import Installation
from tests.api.evidence.conftest import USE

TODAY = date(2026, 6, 1)


def drafted(application: Application, finding: KeptFinding, *jurisdictions: str, today: date = TODAY) -> str:
    return draft_notice(gather(application.store, finding.id), Sender(jurisdictions), today)


def test_it_says_where_what_whose_and_why_and_that_it_is_a_draft(
    application: Application, finding: KeptFinding
) -> None:
    text = drafted(application, finding, "US-NY")
    assert text.startswith("DRAFT, not legal advice.")
    assert "https://shop.acme.example/17.png" in text
    assert finding.sha256 in text
    assert "Name of AG-1 (reference AG-1)" in text
    (face,) = [face for face in finding.row["faces"] if face["talent"]]
    assert face["candidates"][0]["reference"] in text
    assert "No consent that covers this use is on record." in text
    assert "section 1037(7)" in text
    assert "[signature of" in text
    assert "3344.1" not in text, "California is not asked for, and she lives"


def test_statutes_are_named_from_the_day_they_are_in_force(
    application: Application, finding: KeptFinding
) -> None:
    assert "8420-A" not in drafted(application, finding, "US-NY")
    assert "8420-A" in drafted(application, finding, "US-NY", today=date(2026, 6, 9))
    assert "article 50" not in drafted(application, finding, "EU")
    assert "article 50" in drafted(application, finding, "EU", today=date(2026, 8, 2))
    assert "no statute on file fits" in drafted(application, finding)
    with pytest.raises(UsageError, match="XX"):
        drafted(application, finding, "XX")


def test_a_photograph_is_answered_by_the_law_on_photographs(
    application: Application, keep: Callable[..., KeptFinding]
) -> None:
    outside = keep(use=replace(USE, declared_ai=None, client="Other", domain=None))
    assert {reason["code"] for reason in outside.row["decision"]["reasons"]} & {"limb_unsure"}
    text = drafted(application, outside, "US-NY")
    assert "sections 50 and 51" in text
    assert "section 1037(7)" in text, "which of the two it is, is not known"
    assert "Acme" not in text, "what another client was granted is not the receiver's to know"


def test_only_a_violation_or_what_a_person_confirmed_is_a_ground(
    application: Application, keep: Callable[..., KeptFinding]
) -> None:
    unsure = keep(use=replace(USE, client=None, domain=None, declared_ai=None))
    assert unsure.verdict == "needs_review"
    with pytest.raises(UsageError, match="has to confirm") as raised:
        drafted(application, unsure, "US-NY")
    assert raised.value.code == "notice_not_due"
    findings = application.store.findings
    findings.review(unsure.id, 0, Judgement(ReviewState.CONFIRMED), unsure.key_id)
    assert "A person has looked at the picture" in drafted(application, unsure, "US-NY")


def test_what_a_person_called_benign_is_none(application: Application, finding: KeptFinding) -> None:
    application.store.findings.review(finding.id, 0, Judgement(ReviewState.WRONG_PERSON), finding.key_id)
    with pytest.raises(UsageError, match="settled as wrong_person"):
        drafted(application, finding, "US-NY")


def test_template_and_statutes_are_data(
    application: Application, finding: KeptFinding, tmp_path: Path
) -> None:
    gathered = gather(application.store, finding.id)
    own = Sender(("XX-1",), folder=tmp_path)
    with pytest.raises(SettingsError, match="notice_folder"):
        draft_notice(gathered, own, TODAY)
    statute = (
        'jurisdiction = "XX-1"\nname = "Law 1"\nsays = "No."\nlimbs = ["replica"]\npersons = ["living"]\n'
    )
    (tmp_path / "statutes.toml").write_text(f"[[statute]]\n{statute}", "utf-8")
    (tmp_path / "notice.txt").write_text("{{ finding }}: {{ statutes[0].name }}", "utf-8")
    assert draft_notice(gathered, own, TODAY) == f"{finding.id}: Law 1"
    for bad in ("{{ nothing_of_the_kind }}", "{% if %}", "{{ ().__class__.__bases__ }}"):
        (tmp_path / "notice.txt").write_text(bad, "utf-8")
        with pytest.raises(SettingsError, match="no template"):
            draft_notice(gathered, own, TODAY)
    (tmp_path / "statutes.toml").write_text(f'[[statute]]\n{statute}from = "soon"\n', "utf-8")
    with pytest.raises(SettingsError, match="no list of statutes"):
        draft_notice(gathered, own, TODAY)


def test_every_statute_on_file_can_be_reached() -> None:
    for statute in read_statutes(FOLDER):
        assert statute.limbs <= {"replica", "photo"}
        assert statute.persons <= {"living", "deceased"}
        assert statute.limbs
        assert statute.persons


def test_from_the_command_line(
    here: Installation, finding: KeptFinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_NOTICE_JURISDICTIONS", "US-NY")
    monkeypatch.setenv("LOOKALIKE_NOTICE_CONTACT", "North Agency\n1 Example Street")
    told = here.run("notice", finding.id).stdout
    assert "   North Agency\n   1 Example Street\n" in told
    assert "sections 50 and 51" in told
    here.run("notice", finding.id, "--jurisdiction", "EU", "--out", "notice.txt")
    assert "sections 50 and 51" not in (here.folder / "notice.txt").read_text("utf-8")


def test_a_consent_is_exported_for_other_systems(here: Installation, registered: str) -> None:
    policy = here.json_of("consent", "export", "licence-1", "--format", "odrl")
    assert policy["assigner"]["uid"] == f"urn:lookalike:talent:{registered}"
    here.run("consent", "revoke", "licence-1", "--reason", "asked")
    assert "permission" not in here.json_of("consent", "export", "licence-1", "--format", "odrl")
    old = here.json_of("consent", "export", "licence-1", "--format", "odrl", "--record-version", "1")
    assert old["lk:status"] == "superseded"
    assertion = here.json_of("consent", "export", "licence-1", "--format", "training-mining")
    assert assertion["data"]["entries"]["cawg.ai_training"] == {"use": "notAllowed"}
