"""Consents: put records on record, read them as of a moment, revoke them. Append-only: a change is a new version."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from api.agency import AgencyView
from api.consent_pages import Asked, consent_page
from api.consents import summary
from api.http.etags import tagged
from api.http.paging import PageOf, ThePage, last_id
from api.http.problems import documented
from api.http.service import TheService
from api.http.views import view
from data.store.consents import ConsentFilter
from detector.access import Scope
from detector.errors import Conflict, UsageError
from detector.record import ConsentRecord, ConsentStatus
from detector.terms import ConsentKind

router = APIRouter(prefix="/v1/consents", tags=["consents"])

Reading = Annotated[AgencyView, view(Scope.CONSENTS_READ)]
Writing = Annotated[AgencyView, view(Scope.CONSENTS_WRITE)]

_ID_FORM = "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
AsOf = Annotated[
    str | None,
    Query(
        max_length=40,
        description="The moment that `status` speaks of, ISO 8601; now unless given.",
        examples=["2026-03-01"],
    ),
]


class StatedConsent(ConsentRecord):
    """A record as it is sent: the id is made unless it is given."""

    consent_id: Annotated[str, Field(pattern=f"^{_ID_FORM}$")] | None = None  # type: ignore[assignment] # only its schema is used


class ConsentDocument(RootModel[dict[str, Any]]):
    """The terms as JSON. What they must be is `detector.record`'s to say, every fault at once; only the OpenAPI
    document reads the schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(StatedConsent.__pydantic_core_schema__)


class ConsentView(BaseModel):
    """One version of a record, and what follows from it as of a moment."""

    consent_id: str
    version: int
    talent_id: str
    kind: ConsentKind
    client: str | None
    status: ConsentStatus
    as_of: datetime = Field(description="The moment that `status` speaks of.")
    starts_at: datetime | None
    ends_at: datetime | None = Field(description="The last moment of the term; null: open.")
    defects: list[str] = Field(description="Why it counts as no consent; empty when it counts.")
    warnings: list[str] = Field(description="What a person should look at; it counts all the same.")
    remarks: list[str] = Field(description="Both in sentences.")
    record: ConsentRecord

    @classmethod
    def of(cls, record: ConsentRecord, at: datetime, *, superseded: bool = False) -> ConsentView:
        facts = summary(record, at, superseded=superseded)
        term = {"starts_at": record.starts_at, "ends_at": record.ends_at}
        return cls(**facts, **term, talent_id=record.talent_id, as_of=at, record=record)


class ConsentVersions(BaseModel):
    """Every version of one consent, oldest first."""

    items: list[ConsentView]


class Revocation(BaseModel):
    """Why, and from when on. `effective_at`: ISO 8601, a date alone in the record's time zone; now unless given."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(None, min_length=1, max_length=2000)
    effective_at: str | None = Field(None, max_length=40)


RELEASE = {
    "talent_id": "tal_06f3k9x2c4abcdefghjk",
    "kind": "biometric_enrolment",
    "grantor": {"role": "self"},
    "form": {"signed_at": "2026-01-15"},
    "privacy": {"retention_until": "2028-01-15"},
}
LICENCE = {
    "talent_id": "tal_06f3k9x2c4abcdefghjk",
    "kind": "replica_use",
    "grantor": {"role": "self"},
    "grantee": {"client": "Acme", "domains": ["acme.example"]},
    "scope": {
        "assets": "any",
        "campaigns": ["spring"],
        "products": "any",
        "media": ["ecommerce", "social_paid"],
        "alterations": "any",
    },
    "purpose": {"code": "advertising", "description": "Pictures of the spring collection in the shop."},
    "pay": {"amount": "250.00", "currency": "USD", "unit": "image"},
    "duration": {"valid_from": "2026-02-01", "valid_to": "2026-12-31", "timezone": "America/New_York"},
    "territory": {"include": ["US"]},
    "ai": {"label_required": True},
    "form": {"separate": True, "conspicuous": True, "signed_at": "2026-01-15"},
}
EXAMPLES: Any = {
    "release": {"summary": "May we keep a template?", "value": RELEASE},
    "replica": {"summary": "May this client use a replica?", "value": LICENCE},
}
WITHDRAWN = {"reason": "withdrawn by the talent"}


@router.post(
    "",
    status_code=201,
    operation_id="consents.create",
    summary="Put a consent on record, or its next version",
    responses=documented(404, 409),
)
def create(
    service: TheService,
    seen: Writing,
    response: Response,
    body: Annotated[ConsentDocument, Body(openapi_examples=EXAMPLES)],
) -> ConsentView:
    """A malformed record is refused with every fault. A void one is kept and counts as none: see `defects`."""
    document, named = body.root, body.root.get("talent_id")
    _require_own_id(seen, document.get("consent_id"))
    if not isinstance(named, str):
        raise UsageError("the record does not say whose consent it is: give talent_id")
    record = service.application.registration.record_consent(document, seen.talent(named).id)
    response.headers["Location"] = f"/v1/consents/{record.consent_id}"
    return _answered(service, response, record)


@router.get(
    "", operation_id="consents.list", summary="The newest version of every consent", responses=documented()
)
def list_consents(
    service: TheService,
    seen: Reading,
    page: ThePage,
    talent_id: Annotated[str | None, Query(max_length=40)] = None,
    client: Annotated[str | None, Query(max_length=300, description="In any capitals.")] = None,
    kind: ConsentKind | None = None,
    status: ConsentStatus | None = None,
    as_of: AsOf = None,
) -> PageOf[ConsentView]:
    filters = (talent_id, client, kind, status, as_of)
    wanted = seen.consents(ConsentFilter(talent_id=talent_id, client=client, kind=kind))
    after = last_id(page.after("consents.list", *filters))
    at = service.application.registration.moment(as_of)
    if wanted is None:
        return PageOf(items=[])
    found, more = consent_page(service.store, Asked(wanted, status, at), after, page.limit)
    cursor = page.next([found[-1].consent_id], "consents.list", *filters) if more else None
    return PageOf(items=[ConsentView.of(record, at) for record in found], next=cursor)


@router.get(
    "/{consent_id}",
    operation_id="consents.get",
    summary="The newest version of one",
    responses=documented(404),
)
def get(
    service: TheService, seen: Reading, response: Response, consent_id: str, as_of: AsOf = None
) -> ConsentView:
    return _answered(service, response, seen.consent(consent_id), as_of)


@router.get(
    "/{consent_id}/versions",
    operation_id="consents.versions",
    summary="Every version of one",
    responses=documented(404),
)
def versions(service: TheService, seen: Reading, consent_id: str) -> ConsentVersions:
    *older, newest = seen.consent_versions(consent_id)
    at = service.now()
    views = [ConsentView.of(record, at, superseded=True) for record in older]
    return ConsentVersions(items=[*views, ConsentView.of(newest, at)])


@router.post(
    "/{consent_id}/revoke",
    operation_id="consents.revoke",
    summary="Revoke one; the record stays",
    responses=documented(404, 409),
)
def revoke(
    service: TheService,
    seen: Writing,
    response: Response,
    consent_id: str,
    body: Annotated[Revocation, Body(openapi_examples={"withdrawn": {"value": WITHDRAWN}})],
) -> ConsentView:
    known = seen.consent(consent_id).consent_id
    record = service.application.registration.revoke(known, body.reason, body.effective_at)
    return _answered(service, response, record)


def _answered(
    service: TheService, response: Response, record: ConsentRecord, as_of: str | None = None
) -> ConsentView:
    tagged(response, record.version)
    return ConsentView.of(record, service.application.registration.moment(as_of))


def _require_own_id(seen: AgencyView, consent_id: object) -> None:
    """An id stands in paths and on the audit chain. What is no text at all is the record's fault to name."""
    if not isinstance(consent_id, str):
        return
    if not re.fullmatch(_ID_FORM, consent_id):
        raise UsageError(
            "consent_id takes 1 to 64 letters, digits and . _ : -, beginning with a letter or digit"
        )
    if not seen.may_add_consent(consent_id):
        raise Conflict("this consent_id is taken; choose another")
