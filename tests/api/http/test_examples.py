"""The examples of the documents, run as they stand against the running service: curl in bash, the client in Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.composition import Application
from api.http.routes.consents import LICENCE
from data.store.keys import NewKey
from detector.access import Role
from tests.api.colours import BLUE, GREEN, RED, Installation, drawn
from tests.serving import served

ROOT = Path(__file__).parents[3]
EXAMPLES = (ROOT / "docs" / "service.md").read_text("utf-8").partition("\n## Examples\n")[2]
README = (ROOT / "README.md").read_text("utf-8")
YELLOW = (200, 200, 40)

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")

Run = Callable[[list[str], str], str]


def block(language: str, text: str) -> str:
    """The one block of this language in a text."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The working folder that the examples speak of."""
    folder = tmp_path / "desk"
    folder.mkdir()
    for name, colour in {"ada": RED, "eve": BLUE, "mia": GREEN}.items():
        (folder / f"{name}.png").write_bytes(drawn(colour))
    (folder / "shop.png").write_bytes(drawn(RED, seed=9))
    header = "talent_ref,name,image,release_signed_at,agency\n"
    rows = "B-1,Eve,eve.png,2026-01-15,North\nB-2,Mia,mia.png,2026-01-15,North\n"
    (folder / "roster.csv").write_text(header + rows)
    with zipfile.ZipFile(folder / "spring.zip", "w") as archive:
        archive.writestr("roster.csv", header + "B-3,Zoe,zoe.png,2026-01-15,North\n")
        archive.writestr("zoe.png", drawn(YELLOW))
    (folder / "licence.json").write_text(json.dumps({**LICENCE, "talent_id": "TALENT"}))
    return folder


@pytest.fixture
def working(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The serving process works on scans as well, as it does for a user."""
    monkeypatch.setenv("LOOKALIKE_SERVE_JOBS", "1")


@pytest.fixture
def run(working: None, app: FastAPI, application: Application, files: Path) -> Iterator[Run]:
    """Runs a program on a text in the working folder, beside a running service; gives what it printed."""
    app.state.service.warm_up()
    _, key = application.store.keys.create(NewKey(Role.ADMIN, "console"))
    with served(app) as address:
        environ = {**os.environ, "SERVICE": address, "KEY": key, "PYTHONPATH": str(ROOT)}

        def ran(program: list[str], text: str) -> str:
            done = subprocess.run(
                program,
                input=text,
                text=True,
                capture_output=True,
                cwd=files,
                env=environ,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            return done.stdout

        yield ran


@needs_curl
def test_curl_and_the_client_do_what_the_document_says(run: Run, application: Application) -> None:
    said = run(["bash", "-euo", "pipefail"], block("bash", EXAMPLES))
    assert '"rejected":0' in said
    assert '"rejected":1' not in said
    printed = run([sys.executable, "-"], block("python", EXAMPLES))
    assert printed.splitlines()[0] == "active"
    assert {line for line in printed.splitlines() if line.startswith("B-")} == {"B-1 1", "B-2 1", "B-3 1"}
    people = application.store.talents.list(erased=True)
    assert sorted(talent.ref for talent in people if talent.erased_at is None) == ["B-1", "B-2", "B-3"]
    assert len([talent for talent in people if talent.erased_at]) == 2


@needs_curl
def test_the_readmes_calls_are_answered(run: Run, application: Application) -> None:
    said = run(["bash", "-euo", "pipefail"], block("bash", README))
    assert '"accepted":2' in said
    assert '"verdict":"no_match"' in said
    assert sorted(talent.ref for talent in application.store.talents.list()) == ["B-1", "B-2"]
