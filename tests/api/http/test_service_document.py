"""What docs/service.md says of roles and metrics is what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from starlette.testclient import TestClient

from detector.access import SCOPES, Role, Scope

ROOT = Path(__file__).parents[3]
COMMAND_LINE = ("bad_setting", "bad_snapshot", "missing_extra")
"""Codes that only a terminal shows, with a sentence that says it all."""

DOC = (ROOT / "docs" / "service.md").read_text("utf-8")


def test_the_table_of_scopes_is_the_codes() -> None:
    rows = re.findall(r"^\| `(\w+:\w+)` \|(.*)\|$", DOC, re.MULTILINE)
    said = {Scope(name): [cell.strip() == "yes" for cell in cells.split("|")] for name, cells in rows}
    roles = [
        Role(name)
        for name in re.search(r"^\| scope \|(.*)\|$", DOC, re.MULTILINE)[1].replace(" ", "").split("|")
    ]  # type: ignore[index]
    assert said == {scope: [scope in SCOPES[role] for role in roles] for scope in Scope}


def test_every_metric_is_described(admin: TestClient) -> None:
    admin.get("/v1/keys/self")
    types = re.findall(r"^# TYPE (\w+) ", admin.get("/metrics").text, re.MULTILINE)
    names = {name for name in types if not name.endswith("_created")}
    assert {"lookalike_http_requests_total", "lookalike_http_request_seconds"} <= names
    assert sorted(name for name in names if f"`{name}`" not in DOC) == []


def test_every_problem_code_is_described() -> None:
    """Those of the service here, those that other edges share wherever they belong."""
    documents = "".join(file.read_text("utf-8") for file in (ROOT / "docs").glob("*.md"))
    own = _codes((ROOT / "api" / "http").rglob("*.py"))
    assert "idempotency_key_reused" in own
    assert sorted(code for code in own if f"`{code}`" not in DOC) == []
    shared = _codes([ROOT / "detector" / "errors.py"]) - {"error", "bad_input", *COMMAND_LINE}
    assert sorted(code for code in shared if f"`{code}`" not in documents) == []


def _codes(files: Iterable[Path]) -> set[str]:
    return {code for file in files for code in re.findall(r'code ?= ?"([a-z_]+)"', file.read_text("utf-8"))}
