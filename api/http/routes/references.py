"""References: pictures that a talent is recognised by. Each is judged when it comes, as on the command line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from pydantic import BaseModel, Field

from api.agency import AgencyView
from api.enrolling import Portrait
from api.http.paging import PageOf, ThePage, last_id
from api.http.pictures import PICTURE_RESPONSE, name_of, picture_response
from api.http.problems import documented
from api.http.service import TheService
from api.http.views import view
from data.store import Reference
from detector.access import Scope
from detector.errors import Conflict, InputError, UsageError
from detector.signals import Box
from indexer.enrolment import EnrolmentResult, Status

router = APIRouter(prefix="/v1", tags=["references"])

Reading = Annotated[AgencyView, view(Scope.TALENTS_READ)]
Writing = Annotated[AgencyView, view(Scope.TALENTS_WRITE)]


class BoxView(BaseModel):
    """A place in a picture, in pixels from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def of(cls, box: Box) -> BoxView:
        return cls(x=box.x, y=box.y, width=box.width, height=box.height)


class Note(BaseModel):
    """What a person should look at although the picture was taken."""

    code: str
    detail: str


class ReferenceView(BaseModel):
    """A picture on record, without its vectors."""

    id: str = Field(examples=["ref_06f3k9x2c4abcdefghjk"])
    talent_id: str
    sha256: str
    source: str = Field(description="What the file was called.")
    box: BoxView = Field(description="The talent's face.")
    quality: float = Field(description="Of the face, 0 to 1.")
    eye_distance: float = Field(description="Pixels between the eyes.")
    faults: list[str]
    created_at: datetime

    @classmethod
    def of(cls, kept: Reference) -> ReferenceView:
        return cls(**_facts(kept))


class EnrolledView(ReferenceView):
    """A picture just sent. `unchanged`: the very file was a reference before."""

    status: Status
    note: Note | None = None


@router.post(
    "/talents/{talent_id}/references",
    status_code=201,
    operation_id="references.create",
    summary="Send a picture of a person; the answer says why where it can't be a reference",
    responses=documented(404, 409)
    | {200: {"model": EnrolledView, "description": "It was a reference before."}},
)
def create(
    service: TheService,
    seen: Writing,
    response: Response,
    talent_id: str,
    picture: Annotated[
        UploadFile, File(description="One picture: JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF.")
    ],
    box: Annotated[
        str | None,
        Form(
            max_length=80,
            description="Which face is meant: x,y,width,height in pixels.",
            examples=["0,0,64,64"],
        ),
    ] = None,
    confirm: Annotated[
        bool, Form(description="You have looked: keep it although it seems to show somebody else.")
    ] = False,
) -> EnrolledView:
    """Needs a biometric consent on record (`consents.create`); without one the picture is not even opened."""
    service.require_loaded()
    talent = seen.talent(talent_id)
    data = picture.file.read(service.settings.decode_max_bytes + 1)
    portrait = Portrait(name_of(picture), lambda: data, _box(box), confirm)
    result = service.enrolling.portrait(seen, talent, portrait)
    kept = _kept(service, talent.id, result, data)
    response.headers["Location"] = f"/v1/references/{kept.id}"
    if result.status is Status.UNCHANGED:
        response.status_code = HTTPStatus.OK
    return EnrolledView(**_facts(kept), status=result.status, note=_note(result))


@router.get(
    "/talents/{talent_id}/references",
    operation_id="references.list",
    summary="A person's pictures, in order of their coming",
    responses=documented(404),
)
def list_references(
    service: TheService, seen: Reading, page: ThePage, talent_id: str
) -> PageOf[ReferenceView]:
    talent = seen.talent(talent_id)
    after = last_id(page.after("references.list", talent.id))
    found = service.store.references.page(talent.id, after, page.limit + 1)
    shown, more = found[: page.limit], len(found) > page.limit
    cursor = page.next([shown[-1].id], "references.list", talent.id) if more else None
    return PageOf(items=[ReferenceView.of(kept) for kept in shown], next=cursor)


@router.get(
    "/references/{reference_id}",
    operation_id="references.get",
    summary="One picture's facts",
    responses=documented(404),
)
def get(seen: Reading, reference_id: str) -> ReferenceView:
    return ReferenceView.of(seen.reference(reference_id))


@router.get(
    "/references/{reference_id}/picture",
    operation_id="references.picture",
    summary="The picture itself",
    response_class=Response,
    responses=documented(404) | PICTURE_RESPONSE,
)
def picture(service: TheService, seen: Reading, reference_id: str) -> Response:
    return picture_response(service.store.references.picture(seen.reference(reference_id).id))


@router.delete(
    "/references/{reference_id}",
    status_code=204,
    operation_id="references.delete",
    summary="Remove a picture and its vectors",
    responses=documented(404, 409),
)
def remove(service: TheService, seen: Writing, reference_id: str) -> None:
    service.store.references.remove(seen.reference(reference_id).id)


def _kept(service: TheService, talent_id: str, result: EnrolmentResult, data: bytes) -> Reference:
    """The reference that the picture is. Raises InputError, or Conflict, when it is none."""
    if result.status is Status.REJECTED:
        kind = Conflict if result.code == Conflict.code else InputError
        raise kind(result.detail or "the picture was rejected", code=result.code)
    if result.reference_id is not None:
        return service.store.references.get(result.reference_id)
    (kept,) = service.store.references.by_sha256(hashlib.sha256(data).hexdigest(), talent_id)
    return kept


def _note(result: EnrolmentResult) -> Note | None:
    if result.status is not Status.ACCEPTED or result.code is None:
        return None
    return Note(code=result.code, detail=result.detail or "")


def _box(text: str | None) -> Box | None:
    """Raises UsageError."""
    if not text:
        return None
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError("`box` is not of the form x,y,width,height, such as 120,80,64,90") from None
    if not (0 < width < float("inf") and 0 < height < float("inf")):
        raise UsageError("`box` has no width or no height")
    return Box(x, y, width, height)


def _facts(kept: Reference) -> Mapping[str, Any]:
    return {
        "id": kept.id,
        "talent_id": kept.talent_id,
        "sha256": kept.sha256,
        "source": kept.source,
        "box": BoxView.of(kept.box),
        "quality": kept.quality.score,
        "eye_distance": kept.quality.pixels,
        "faults": list(kept.quality.faults),
        "created_at": kept.created_at,
    }
