"""The OpenAPI document as a file, so that a change to it shows in a review: `python -m api.http.document FILE`.

create_app over an empty installation ─▶ openapi() ─▶ JSON with one spelling
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_LONG_NAME = re.compile(r"fastapi\w*?__(?=Body_)")


def with_short_names(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI names the schema of a form after its own modules, which differ from version to version."""
    short: dict[str, Any] = json.loads(_LONG_NAME.sub("", json.dumps(document)))
    return short


def document_text() -> str:
    """The document of this program, whatever is installed or configured here."""
    from api.composition import Application
    from api.http.app import create_app
    from api.http.service import Service
    from api.settings import load_settings

    with TemporaryDirectory() as folder:
        environ = {"LOOKALIKE_STATE_DIR": folder, "LOOKALIKE_CACHE_DIR": folder, "LOOKALIKE_OFFLINE": "1"}
        with Application(load_settings(environ, Path(folder))) as application:
            document = create_app(Service(application)).openapi()
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document_text(), "utf-8")
