"""The door to the web as the settings have it: who asks, how long it waits, which networks it may also ask."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from data.outgoing import Address, Gate, Patience, Web, is_public
from data.sources.web import Fetcher

if TYPE_CHECKING:
    from api.settings import Settings


def outgoing_web(settings: Settings, most_seconds: float | None = None) -> Web:
    """What everything that goes to the web goes through; an exchange ends after `web_seconds`, or `most_seconds` if
    that is less. Whom sites may write to is part of the agent's name, where set."""
    contact = f" (+{settings.web_contact})" if settings.web_contact else ""
    return Web(
        f"lookalike/{version('lookalike')}{contact}",
        Gate(permits=lambda address: _may_be_asked(address, settings)),
        Patience(total=min(settings.web_seconds, most_seconds or settings.web_seconds)),
    )


def picture_fetcher(settings: Settings) -> Fetcher:
    """What pictures are fetched by: no larger than may be decoded, and as robots.txt allows unless told otherwise."""
    return Fetcher(outgoing_web(settings), settings.decode_max_bytes, robots=settings.web_robots)


def _may_be_asked(address: Address, settings: Settings) -> bool:
    return is_public(address) or any(address in network for network in settings.web_networks)
