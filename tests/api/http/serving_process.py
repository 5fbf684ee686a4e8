"""Runs as a process of its own: `lookalike serve` on a port, where people are colours.

python serving_process.py PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from api.composition import Application, Parts
from api.http.serving import Endpoint, serve
from api.settings import load_settings
from tests.api.colours import NOW, ColourExtractor


def main(port: int) -> None:
    parts = Parts(clock=lambda: NOW, extractor=lambda *_: ColourExtractor())
    with Application(load_settings(os.environ, Path.cwd()), parts) as application:
        serve(application, Endpoint(port=port))


if __name__ == "__main__":
    main(int(sys.argv[1]))
