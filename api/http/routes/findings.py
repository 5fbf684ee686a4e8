"""Findings: the review queue, one finding with its picture and history, and the decision on it.

GET list ─▶ page of the queue, as far as the key sees      PATCH + If-Match ─▶ the next version, or 409, 412, 428
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.access import may, visible
from api.http.bundles import BUNDLE_RESPONSE, bundle_response
from api.http.etags import IfMatch, tag, tagged, version_in
from api.http.moments import RequestMoment
from api.http.paging import PageOf, ThePage
from api.http.pictures import PICTURE_RESPONSE, picture_response
from api.http.problems import documented
from api.http.service import Service, TheService
from data.store.findings import KeptFinding, Review
from data.store.queue import FindingFilter, Sort, place_of
from data.store.rows import plain
from detector.access import Principal, Scope
from detector.decision import Severity, Verdict
from detector.review import ALLOWED, DOCUMENT_LIMIT, NOTE_LIMIT, Judgement, ReviewState
from detector.visibility import row_for

router = APIRouter(prefix="/v1/findings", tags=["findings"])

Reader = Annotated[Principal, may(Scope.FINDINGS_READ)]
Reviewer = Annotated[Principal, may(Scope.FINDINGS_REVIEW)]

Outcome = Literal[
    "confirmed", "wrong_person", "authorised_out_of_band", "escalated", "take_down_sent", "resolved"
]
_ID = r"^[a-z]{3}_[0-9a-z]{1,36}$"


class FindingSummary(BaseModel):
    """A flagged picture, without its row."""

    id: str = Field(examples=["fnd_06f3k9x2c4abcdefghjk"])
    created_at: datetime
    client: str | None
    scan_id: str | None
    source: str = Field(description="Where the picture came from.")
    sha256: str
    verdict: Verdict
    severity: Severity
    state: ReviewState
    version: int = Field(description="How often it was decided on; `ETag` and `If-Match` carry it.")
    reviewed_at: datetime | None
    repeats: str | None = Field(
        description="The finding that a person called benign, which this one repeats."
    )
    talents: list[str] = Field(description="Everyone whom it names.")
    has_picture: bool = Field(description="Whether the picture is kept.")

    @classmethod
    def of(cls, found: KeptFinding) -> FindingSummary:
        return cls(**_facts(found))


class FindingView(FindingSummary):
    """The whole of it."""

    row: dict[str, Any] = Field(description="What the check answered; docs/finding.schema.json describes it.")
    may_become: list[ReviewState] = Field(description="What can be decided now.")
    etag: str


class ReviewView(BaseModel):
    """One decision. Its words are for those who review."""

    version: int
    at: datetime
    key_id: str
    outcome: ReviewState
    note: str | None
    document: str | None
    document_sha256: str | None


class ReviewRequest(BaseModel):
    """What a person decides."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    note: str | None = Field(
        None, max_length=NOTE_LIMIT, description="Needed where a conclusion is corrected."
    )
    document: str | None = Field(
        None,
        max_length=DOCUMENT_LIMIT,
        description="What authorises the use: `authorised_out_of_band` needs it.",
    )
    document_sha256: str | None = Field(None, max_length=64, description="Its SHA-256, in hex.")


class FindingsQuery(BaseModel):
    """What a list is narrowed to; left out: all. Several values of one field: any of them."""

    model_config = ConfigDict(extra="ignore")

    state: list[ReviewState] = []
    severity: list[Severity] = []
    verdict: list[Verdict] = []
    client: str | None = Field(None, max_length=200)
    agency: str | None = Field(None, max_length=200, description="That name nobody but its talents.")
    talent_id: str | None = Field(None, pattern=_ID)
    scan_id: str | None = Field(None, pattern=_ID)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    since: RequestMoment | None = Field(None, description="Found then or later.")
    until: RequestMoment | None = Field(None, description="Found before then.")

    def filter(self) -> FindingFilter:
        return FindingFilter(
            states=tuple(self.state),
            severities=tuple(self.severity),
            verdicts=tuple(self.verdict),
            client=None if self.client is None else plain(self.client),
            agency=None if self.agency is None else plain(self.agency),
            talent_id=self.talent_id,
            scan_id=self.scan_id,
            sha256=self.sha256,
            since=self.since,
            until=self.until,
        )


class FindingCount(BaseModel):
    state: ReviewState
    severity: Severity
    findings: int


class FindingCounts(BaseModel):
    items: list[FindingCount]


Asked = Annotated[FindingsQuery, Query()]
_TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": {"ETag": {"schema": {"type": "string"}}}}}


@router.get("", operation_id="findings.list", summary="The review queue", responses=documented())
def list_findings(
    service: TheService, caller: Reader, page: ThePage, asked: Asked, sort: Sort = Sort.GRAVEST
) -> PageOf[FindingSummary]:
    bound = ("findings.list", sort.value, asked.model_dump_json(), caller.key_id)
    queue = service.store.queue.seen_by(caller)
    found = queue.page(asked.filter(), sort, page.after(*bound), page.limit + 1)
    shown, more = found[: page.limit], len(found) > page.limit
    cursor = page.next(place_of(shown[-1]), *bound) if more else None
    return PageOf(items=[FindingSummary.of(one) for one in shown], next=cursor)


@router.get(
    "/counts",
    operation_id="findings.counts",
    summary="How many findings there are of each kind",
    responses=documented(),
)
def counts(service: TheService, caller: Reader, asked: Asked) -> FindingCounts:
    found = service.store.queue.seen_by(caller).counts(asked.filter())
    items = [
        FindingCount(state=state, severity=Severity(severity), findings=number)
        for (state, severity), number in sorted(found.items())
    ]
    return FindingCounts(items=items)


@router.get(
    "/{finding_id}",
    operation_id="findings.get",
    summary="One finding with its evidence",
    responses=documented(404) | _TAGGED,
)
def get(service: TheService, caller: Reader, response: Response, finding_id: str) -> FindingView:
    found = _seen(service, caller, finding_id)
    tagged(response, found.version)
    return _view(found, caller)


@router.get(
    "/{finding_id}/picture",
    operation_id="findings.picture",
    summary="The flagged picture",
    response_class=Response,
    responses=documented(404) | PICTURE_RESPONSE,
)
def picture(service: TheService, caller: Reader, finding_id: str) -> Response:
    return picture_response(service.store.findings.picture(_seen(service, caller, finding_id).id))


@router.get(
    "/{finding_id}/history",
    operation_id="findings.history",
    summary="Every decision on it, oldest first",
    responses=documented(404),
)
def history(service: TheService, caller: Reader, finding_id: str) -> list[ReviewView]:
    found = _seen(service, caller, finding_id)
    return [_review(one, caller) for one in service.store.findings.history(found.id)]


@router.get(
    "/{finding_id}/evidence",
    operation_id="findings.evidence",
    summary="A signed bundle that proves the finding; the export is an audit event",
    response_class=Response,
    responses=documented(404) | BUNDLE_RESPONSE,
)
def evidence(service: TheService, caller: Reviewer, finding_id: str) -> Response:
    from api.evidence.exporting import export, require_may_export

    found = _seen(service, caller, finding_id)
    require_may_export(service.store, caller, found)
    return bundle_response(export(service.application, found.id, caller.key_id), found.id)


@router.patch(
    "/{finding_id}",
    operation_id="findings.review",
    summary="Decide on it, as it was when you looked",
    responses=documented(404, 409, 412, 428) | _TAGGED,
)
def review(
    service: TheService,
    caller: Reviewer,
    response: Response,
    finding_id: str,
    body: Annotated[ReviewRequest, Body(openapi_examples={"confirmed": {"value": {"outcome": "confirmed"}}})],
    if_match: IfMatch = None,
) -> FindingView:
    found = _seen(service, caller, finding_id)
    judgement = Judgement(ReviewState(body.outcome), body.note, body.document, body.document_sha256)
    decided = service.store.findings.review(found.id, version_in(if_match), judgement, caller.key_id)
    tagged(response, decided.version)
    return _view(decided, caller)


def _seen(service: Service, caller: Principal, finding_id: str) -> KeptFinding:
    """The finding, if the caller sees it. Raises NotFound."""
    finding_id = plain(finding_id)
    visible(service.store.queue.seen_by(caller).sees(finding_id), "finding")
    return service.store.findings.get(finding_id)


def _facts(found: KeptFinding) -> dict[str, Any]:
    facts = {name: getattr(found, name) for name in FindingSummary.model_fields if name != "has_picture"}
    return facts | {"has_picture": found.picture, "talents": list(found.talents)}


def _view(found: KeptFinding, caller: Principal) -> FindingView:
    """A client reads nothing of what others were granted."""
    return FindingView(
        **_facts(found),
        row=row_for(caller, found.row),
        may_become=sorted(ALLOWED[found.state]) if caller.may(Scope.FINDINGS_REVIEW) else [],
        etag=tag(found.version),
    )


def _review(one: Review, caller: Principal) -> ReviewView:
    shown = one if caller.may(Scope.FINDINGS_REVIEW) else one.without_grounds()
    return ReviewView(**{name: getattr(shown, name) for name in ReviewView.model_fields})
