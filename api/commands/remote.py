"""`lookalike check --remote`: what stands in for this installation's networks and registry."""

from __future__ import annotations

import os
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from api.client import Client
from api.commands.running import Asked, watched
from api.remote import RemotePlan, RemoteScanner, Send, sending_pictures, sending_signals
from api.reports.gallery import OwnPictures
from api.scan_run import Machinery
from api.settings import API_KEY_VARIABLE
from data.sources import file_item
from detector.errors import UsageError
from detector.use import Use

if TYPE_CHECKING:
    from api.composition import Application

CALLS = 4
"""Pictures that are with the service at once."""


class Remote:
    """The service that is asked. A context manager. `private`: signals are computed here, and the picture stays."""

    def __init__(self, client: Client, *, private: bool) -> None:
        self._client = client
        self._private = private

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def machinery(self, application: Application, use: Use, asked: Asked) -> Machinery:
        """A run's machinery over the service. Raises Refused, Unreachable, UsageError."""
        if asked.top:
            raise UsageError(
                "--top lists candidates of this installation's registry; leave it out with --remote"
            )
        searched = self._client.checks.signal_ids()
        send = self._send(application)
        workers = application.threads if self._private else CALLS
        return Machinery(
            scanner=lambda at: _scanner(send, at, use, workers),
            gallery=OwnPictures(lambda source: file_item(Path(source)).read(), application.decoder),
            signals=tuple(filter(None, (searched["face"], searched["image"], *searched["hashes"]))),
            clock=application.clock,
            facts={
                "checked by": self._client.address,
                "sent": "signals only" if self._private else "the pictures",
            },
            watch=partial(watched, asked.quiet),
        )

    def _send(self, application: Application) -> Send:
        if not self._private:
            return sending_pictures(self._client)
        return sending_signals(self._client, application.decoder, application.extractor)


def _scanner(send: Send, at: datetime, use: Use, workers: int) -> RemoteScanner:
    return RemoteScanner(send, RemotePlan(at, use, workers))


def remote_of(address: str | None, key_file: Path | None, *, private: bool) -> Remote | None:
    """What the options ask for; None: this installation. Raises UsageError."""
    if address is None:
        if private or key_file is not None:
            raise UsageError("--private and --key-file go with --remote URL")
        return None
    if not address.startswith(("https://", "http://")):
        raise UsageError("--remote takes the service's address, such as https://lookalike.example")
    return Remote(Client(address, _key(key_file)), private=private)


def _key(file: Path | None) -> str:
    if file is None:
        key = os.environ.get(API_KEY_VARIABLE, "")
    else:
        try:
            key = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--key-file {file} can't be read") from error
    if not key.strip():
        raise UsageError(f"--remote needs a key: name its file with --key-file, or set {API_KEY_VARIABLE}")
    return key.strip()
