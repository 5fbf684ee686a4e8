"""Talents: register people, look them up, change what is kept of them, erase them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.agency import AgencyView
from api.http.etags import IfMatch, content_tag, require_tag
from api.http.paging import PageOf, ThePage, last_id
from api.http.problems import documented
from api.http.service import TheService
from api.http.views import view
from data.store import Talent
from data.store.talents import TalentFilter
from detector.access import Scope

router = APIRouter(prefix="/v1/talents", tags=["talents"])

Reading = Annotated[AgencyView, view(Scope.TALENTS_READ)]
Writing = Annotated[AgencyView, view(Scope.TALENTS_WRITE)]
Erasing = Annotated[AgencyView, view(Scope.TALENTS_ERASE)]

_REF = Field(max_length=200, description="The agency's own reference; unique.", examples=["AG-17"])
_NAME = Field(max_length=300, examples=["Ada Example"])
_AGENCY = Field(max_length=200, description="A registrar's own goes without saying.", examples=["North"])
_MINOR = Field(description="Under age: a guardian signs.")
_EVERY = Field(description="Report every use, also by clients nobody knows.")


class TalentView(BaseModel):
    """A registered person. After an erasure a tombstone stays: `erased_at` is set, `ref` and `name` are the id."""

    id: str = Field(examples=["tal_06f3k9x2c4abcdefghjk"])
    ref: str
    name: str
    agency: str | None
    minor: bool
    wants_every_report: bool
    references: int = Field(description="Pictures that the person can be recognised by.")
    biometric_consent: bool = Field(
        description="Whether one is in force now; without it nobody is recognised."
    )
    created_at: datetime
    erased_at: datetime | None


class TalentRequest(BaseModel):
    """A person to register."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ref: Annotated[str, _REF]
    name: Annotated[str, _NAME]
    agency: Annotated[str | None, _AGENCY] = None
    minor: Annotated[bool, _MINOR] = False
    wants_every_report: Annotated[bool, _EVERY] = False


class TalentChange(BaseModel):
    """What is to change; what is left out stays. `agency` null: none."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str | None, _NAME] = None
    agency: Annotated[str | None, _AGENCY] = None
    minor: Annotated[bool | None, _MINOR] = None
    wants_every_report: Annotated[bool | None, _EVERY] = None

    def values(self) -> dict[str, Any]:
        given = self.model_dump(exclude_unset=True)
        return {name: value for name, value in given.items() if value is not None or name == "agency"}


PERSON = {"ref": "AG-17", "name": "Ada Example", "agency": "North"}
RENAMED = {"name": "Ada B. Example", "wants_every_report": True}


@router.post(
    "", status_code=201, operation_id="talents.create", summary="Register a person", responses=documented(409)
)
def create(
    service: TheService,
    seen: Writing,
    response: Response,
    body: Annotated[TalentRequest, Body(openapi_examples={"person": {"value": PERSON}})],
) -> TalentView:
    facts = body.model_dump() | {"agency": seen.agency.of_new(body.agency)}
    talent = service.store.talents.add(facts.pop("ref"), facts.pop("name"), **facts)
    response.headers["Location"] = f"/v1/talents/{talent.id}"
    return _answered(service, response, talent)


@router.get(
    "", operation_id="talents.list", summary="People, in order of registration", responses=documented()
)
def list_talents(
    service: TheService,
    seen: Reading,
    page: ThePage,
    ref: Annotated[str | None, Query(max_length=200, description="Exactly this reference.")] = None,
    agency: Annotated[str | None, Query(max_length=200, description="In any capitals.")] = None,
    erased: Annotated[bool, Query(description="The tombstones as well.")] = False,
) -> PageOf[TalentView]:
    filters = (ref, agency, erased)
    wanted = seen.talents(TalentFilter(agency, ref, erased))
    after = page.after("talents.list", *filters)
    found = [] if wanted is None else service.store.talents.page(wanted, last_id(after), page.limit + 1)
    shown, more = found[: page.limit], len(found) > page.limit
    cursor = page.next([shown[-1].id], "talents.list", *filters) if more else None
    return PageOf(items=_views(service, shown), next=cursor)


@router.get("/{talent_id}", operation_id="talents.get", summary="One person", responses=documented(404))
def get(service: TheService, seen: Reading, response: Response, talent_id: str) -> TalentView:
    return _answered(service, response, seen.talent(talent_id))


@router.patch(
    "/{talent_id}",
    operation_id="talents.update",
    summary="Change what is kept of a person",
    responses=documented(404, 409, 412, 428),
)
def update(
    service: TheService,
    seen: Writing,
    response: Response,
    talent_id: str,
    body: Annotated[TalentChange, Body(openapi_examples={"rename": {"value": RENAMED}})],
    if_match: IfMatch = None,
) -> TalentView:
    talent, values = seen.talent(talent_id), body.values()
    require_tag(if_match, _tag(talent))
    if "agency" in values:
        values["agency"] = seen.agency.of_new(values["agency"])
    return _answered(service, response, service.store.talents.revise(talent, **values))


@router.delete(
    "/{talent_id}",
    operation_id="talents.erase",
    summary="Erase a person: references, pictures, vectors and names",
    responses=documented(404, 409),
)
def erase(service: TheService, seen: Erasing, talent_id: str) -> TalentView:
    return _views(service, [service.store.talents.erase(seen.talent(talent_id).id)])[0]


def _answered(service: TheService, response: Response, talent: Talent) -> TalentView:
    response.headers["ETag"] = _tag(talent)
    return _views(service, [talent])[0]


def _tag(talent: Talent) -> str:
    return content_tag(talent.name, talent.agency, talent.minor, talent.wants_every_report, talent.erased_at)


def _views(service: TheService, talents: Sequence[Talent]) -> list[TalentView]:
    rows = service.application.registration.rows_of(talents)
    return [
        TalentView(ref=talent.ref, created_at=talent.created_at, **row)
        for talent, row in zip(talents, rows, strict=True)
    ]
