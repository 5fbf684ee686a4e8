"""What a route that reads or changes the registry takes: the registry as its caller sees it."""

# No `from __future__ import annotations` here: FastAPI reads the closure's annotations, which hold the scope.

from fastapi import Depends

from api.agency import AgencyView
from api.http.access import Allowed
from api.http.service import TheService
from detector.access import Principal, Scope


def view(scope: Scope) -> object:
    """The parameter's annotation metadata: `seen: Annotated[AgencyView, view(Scope.TALENTS_READ)]`."""
    allowed = Depends(Allowed(scope))

    def seen(service: TheService, caller: Principal = allowed) -> AgencyView:
        return AgencyView(service.store, caller)

    return Depends(seen)
