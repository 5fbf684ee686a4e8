"""A flagged picture in a whole installation whose people are colours, and the key that evidence is signed with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.checking import Check, Checker
from api.composition import Application
from data.store.findings import KeptFinding, NewFinding
from data.store.keys import NewKey
from detector.access import Role
from detector.pipeline import Submission
from detector.use import Medium, Use
from tests.api.colours import BLUE, NOW, RED, Installation, drawn

Enrol = Callable[[str, str], str]
USE = Use(
    client="Acme", medium=Medium.ECOMMERCE, domain="shop.acme.example", published_at=NOW, declared_ai=True
)


@pytest.fixture
def signing(here: Installation, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signing key in its place; a file with its public half."""
    monkeypatch.setenv("LOOKALIKE_AUDIT_KEY_FILE", str(here.folder / "audit.pem"))
    public = here.run("audit", "new-key").stdout
    return here.file("public.txt", public)


@pytest.fixture
def registered(here: Installation, enrolled: Enrol) -> str:
    """A talent with a release and a photo licence of one client; her id."""
    talent = enrolled("AG-1", "red")
    here.run(
        *(
            "consent",
            "add",
            "--talent",
            "AG-1",
            "--kind",
            "photo_use",
            "--id",
            "licence-1",
            "--client",
            "Acme",
        ),
        *("--media", "ecommerce", "--territory", "WORLD", "--from", "2026-01-01", "--to", "2026-12-31"),
        *("--signed-at", "2025-12-01", "--amount", "100", "--currency", "USD", "--unit", "flat"),
        *("--assets", "any", "--campaigns", "any", "--products", "any", "--alterations", "any"),
    )
    return talent


@pytest.fixture
def application(here: Installation, signing: Path, registered: str) -> Iterator[Application]:
    with Application(here.configured, here.parts) as opened:
        yield opened


@pytest.fixture
def keep(application: Application) -> Callable[..., KeptFinding]:
    """Checks a picture for real and keeps the finding."""
    key, _ = application.store.keys.create(NewKey(Role.SCANNER, "the scanner", client="Acme"))
    refs = application.store.talents.refs
    checker = Checker(application.detector(), lambda ids: refs(sorted(ids)), application.clock)

    def checked(picture: bytes = drawn(RED, BLUE, seed=9), use: Use = USE, **more: object) -> KeptFinding:
        (row,) = checker.rows([Check(Submission("https://shop.acme.example/17.png", picture, use))])
        kept = application.store.findings.add(NewFinding({**row, **more}, key.id, "Acme", picture=picture))
        assert kept is not None
        return kept

    return checked


@pytest.fixture
def finding(keep: Callable[..., KeptFinding]) -> KeptFinding:
    return keep()
