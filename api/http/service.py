"""What a serving process holds: the application, its secrets, and whether it is ready.

    Service(application) ─ warm_up() in a thread ─▶ ready, or the reasons why not

Nothing here answers a request; routes get the service through the dependency `TheService`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from api.composition import Application, private_folder
from api.enrolling import Enrolling
from api.http.checks import Checks
from api.jobs.building import jobs_of
from api.jobs.jobs import Jobs
from api.jobs.ordering import ScanOrders
from api.settings import Settings
from data.store import Store
from detector.errors import LookalikeError, Overloaded, StoreError

MASTER_FILE = "service.secret"
STALE_AFTER = 1000
"""Changes that an index may lie behind before the process calls itself not ready; a search catches up by itself."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the process can't answer: a stable code, and a sentence."""

    code: str
    detail: str


class Service:
    """One serving process. Threads share it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.enrolling = Enrolling(application)
        self._loading: Obstacle | None = Obstacle(
            "index_not_loaded", "the networks and the index are loading"
        )
        self._closing: list[Callable[[], None]] = []
        self.checks = Checks(application)
        self.when_closing(self.checks.close)
        self.when_closing(self._end_jobs)

    @property
    def settings(self) -> Settings:
        return self.application.settings

    @property
    def store(self) -> Store:
        return self.application.store

    def now(self) -> datetime:
        """The moment, with a time zone."""
        return self.application.clock()

    def secret(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same in every process of this state directory."""
        return hmac.new(self._master, purpose.encode(), hashlib.sha256).digest()

    @cached_property
    def _master(self) -> bytes:
        private_folder(self.settings.state_dir)
        return secret_in(self.settings.state_dir / MASTER_FILE)

    @cached_property
    def jobs(self) -> Jobs:
        """What rings for workers; a worker itself once `warm_up_beside` has begun it."""
        return jobs_of(self.application)

    @cached_property
    def scans(self) -> ScanOrders:
        return ScanOrders(self.store, self.jobs)

    def _end_jobs(self) -> None:
        if "jobs" in self.__dict__:
            self.jobs.close()

    def warm_up(self) -> None:
        """Load networks and index; what prevents it is kept for `obstacles`."""
        try:
            self.application.detector()
        except LookalikeError as error:
            self._loading = Obstacle(error.code, error.detail)
        else:
            self._loading = None

    def warm_up_beside(self) -> threading.Thread:
        """The same in a thread, so that the process answers for its health meanwhile; then it works on scans, too,
        where the setting `serve_jobs` says so."""
        thread = threading.Thread(target=self._begin, name="warm-up", daemon=True)
        thread.start()
        return thread

    def _begin(self) -> None:
        self.warm_up()
        if self.settings.serve_jobs and self._loading is None:
            self.jobs.start()

    def require_loaded(self) -> None:
        """Raise Overloaded while networks or index are not there, with the obstacle's code."""
        if self._loading is not None:
            raise Overloaded(self._loading.detail, retry_after=2, code=self._loading.code)

    def obstacles(self) -> list[Obstacle]:
        """Why this process is not ready; empty when it is."""
        try:
            head = self.store.changes.head()
        except StoreError as error:
            return [Obstacle("store_down", error.detail)]
        if self._loading is not None:
            return [self._loading]
        behind = head - self.application.registry.change_number
        if behind > STALE_AFTER:
            return [Obstacle("index_stale", f"the index is {behind} changes behind the store")]
        return []

    def when_closing(self, call: Callable[[], None]) -> None:
        """Called by `close`, the last first."""
        self._closing.append(call)

    def close(self) -> None:
        while self._closing:
            self._closing.pop()()


def secret_in(path: Path) -> bytes:
    """The secret of this state directory, made on first use by whichever process comes first. Raises StoreError."""
    try:
        if not path.exists():
            _make_secret(path)
        found = path.read_bytes()
    except OSError as error:
        raise StoreError(f"the service's secret {path} can't be used: {error.strerror}") from error
    if len(found) < 32:
        raise StoreError(f"the service's secret {path} is damaged; delete it, and everybody signs in again")
    return found


def _make_secret(path: Path) -> None:
    """Written whole beside it and then linked to its name: of two processes the first wins, and none reads half."""
    staged = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    staged.touch(mode=0o600)
    staged.write_bytes(secrets.token_bytes(32))
    try:
        os.link(staged, path)
    except FileExistsError:
        return
    finally:
        staged.unlink()


def _the_service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_the_service)]
