"""Runs the service with uvicorn: in this process, or in several that share one store.

Endpoint ─ serve() ─▶ one process: uvicorn around create_app
                   ─▶ several:     uvicorn's supervisor; each builds its own app from the environment
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from api.composition import Application, Parts
from api.http.app import create_app
from api.http.service import Service
from api.logs import log_config
from api.settings import CONFIG_VARIABLE, load_settings

KEEP_ALIVE_SECONDS = 30
GRACE_SECONDS = 20
"""How long calls in progress may go on when the process is told to stop."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service listens, and how. `certificate` and `private_key` are PEM files for HTTPS."""

    host: str = "127.0.0.1"
    port: int = 8000
    processes: int = 1
    certificate: Path | None = None
    private_key: Path | None = None


def serve(application: Application, endpoint: Endpoint) -> None:
    """Serve until told to stop. The application is closed by its owner."""
    config = application.configured.file
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    if endpoint.processes > 1:
        target: FastAPI | str = "api.http.serving:app_of_environment"
    else:
        target = create_app(Service(application))
    uvicorn.run(
        target,
        factory=isinstance(target, str),
        host=endpoint.host,
        port=endpoint.port,
        workers=endpoint.processes,
        ssl_certfile=endpoint.certificate,
        ssl_keyfile=endpoint.private_key,
        server_header=False,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_config=log_config(LOG_LEVELS),
    )


def app_of_environment() -> FastAPI:
    """The application of one of several processes, from the same settings."""
    application = Application(load_settings(os.environ, Path.cwd()), Parts())
    service = Service(application)
    service.when_closing(application.close)
    return create_app(service)


LOG_LEVELS = {"lookalike": "INFO", "uvicorn": "INFO"}
"""One line per call: its id, operation, status, time and key id."""
