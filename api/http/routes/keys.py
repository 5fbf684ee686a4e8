"""Keys: who may call. Only an admin makes and ends them; anybody may ask what their own key is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.http.access import may, principal
from api.http.idempotency import secret_answer
from api.http.moments import RequestMoment
from api.http.problems import documented
from api.http.service import TheService
from data.store.keys import ApiKey, NewKey
from detector.access import Principal, Role, Scope

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Manager = Annotated[Principal, may(Scope.KEYS_MANAGE)]


class KeyView(BaseModel):
    """A key without its secret."""

    id: str = Field(examples=["key_06f3k9x2c4abcdefghjk"])
    name: str
    role: Role
    scopes: list[Scope]
    client: str | None = Field(description="Sees only this client's scans and findings.")
    agency: str | None = Field(description="Sees only this agency's talents.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> KeyView:
        facts = {name: getattr(key, name) for name in cls.model_fields if name != "scopes"}
        return cls(**facts, scopes=sorted(key.principal.scopes))


class NewKeyView(KeyView):
    """A key just made, with the text that its holder sends."""

    key: str = Field(description="Shown once.", examples=["lk_06f3k9x2c4abcdefghjk_…"])


class KeyRequest(BaseModel):
    """What a key is to be."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    name: str = Field(max_length=200, description="The system or person that will hold it.")
    client: str | None = Field(None, max_length=200, description="Needed for a scanner.")
    agency: str | None = Field(None, max_length=200, description="Needed for a registrar.")
    expires_at: RequestMoment | None = None


class Keys(BaseModel):
    items: list[KeyView]


EXAMPLE = {"role": "scanner", "name": "shop import", "client": "Acme"}


@router.get("", operation_id="keys.list", summary="All keys, oldest first", responses=documented())
def list_keys(service: TheService, _: Manager) -> Keys:
    return Keys(items=[KeyView.of(key) for key in service.store.keys.list()])


@router.post("", status_code=201, operation_id="keys.create", summary="Make a key", responses=documented(409))
def create(
    request: Request,
    service: TheService,
    _: Manager,
    body: Annotated[KeyRequest, Body(openapi_examples={"scanner": {"value": EXAMPLE}})],
) -> NewKeyView:
    key, token = service.store.keys.create(NewKey(**body.model_dump()))
    secret_answer(request.state)
    return NewKeyView(**KeyView.of(key).model_dump(), key=token)


@router.get("/self", operation_id="keys.self", summary="The key of this call", responses=documented())
def own(service: TheService, caller: Annotated[Principal, Depends(principal)]) -> KeyView:
    return KeyView.of(service.store.keys.get(caller.key_id))


@router.delete(
    "/{key_id}", operation_id="keys.revoke", summary="End a key now", responses=documented(404, 409)
)
def revoke(service: TheService, _: Manager, key_id: str) -> KeyView:
    return KeyView.of(service.store.keys.revoke(key_id))
