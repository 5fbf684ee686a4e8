"""What the pages have at hand: the installation, the sessions, the templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from jinja2 import Environment

from api.http.service import Service
from api.pages.sessions import Sessions
from api.pages.templating import environment
from data.store import Store


@dataclass(frozen=True, slots=True)
class Site:
    """One per application; threads share it."""

    service: Service
    sessions: Sessions
    templates: Environment

    @classmethod
    def of(cls, service: Service) -> Site:
        sessions = Sessions(service.secret("pages.session"), service.now)
        return cls(service, sessions, environment(service.now))

    @property
    def store(self) -> Store:
        return self.service.store

    def now(self) -> datetime:
        return self.service.now()


def site_of(request: Request) -> Site:
    """The site that this request came to."""
    site: Site = request.app.state.pages
    return site


TheSite = Annotated[Site, Depends(site_of)]
"""For an area's function: `site: TheSite`."""
