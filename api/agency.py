"""The registry as one caller sees it: a registrar its agency's talents, a client the consents it was granted.

    Principal ─▶ AgencyView ─▶ talent, reference, consent      or NotFound, as for what isn't there

What lies outside is never named: not by an id, not in a sentence about somebody's picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from data.store import Reference, Store, Talent
from data.store.consents import ConsentFilter
from data.store.rows import plain
from data.store.talents import TalentFilter
from detector.access import Principal, same_name
from detector.errors import Forbidden, NotFound
from detector.record import ConsentRecord


@dataclass(frozen=True, slots=True)
class Agency:
    """Whose talents may be registered and changed. `name` None: anybody's."""

    name: str | None = None

    def covers(self, talent: Talent) -> bool:
        return self.name is None or (talent.agency is not None and same_name(talent.agency, self.name))

    def of_new(self, stated: str | None) -> str | None:
        """The agency that a talent is registered under. Raises Forbidden (code `other_agency`)."""
        if self.name is None:
            return stated
        if stated is not None and not same_name(stated, self.name):
            raise Forbidden(
                f"this key registers talents of the agency {self.name} only; leave the agency out",
                code="other_agency",
            )
        return self.name


ANYBODY = Agency()


@dataclass(frozen=True, slots=True)
class AgencyView:
    """What one caller sees of the store. Every look-up raises NotFound for what lies outside."""

    store: Store
    caller: Principal

    @property
    def agency(self) -> Agency:
        return Agency(self.caller.agency)

    def talent(self, talent_id: str) -> Talent:
        found = self.store.talents.many([plain(talent_id)]).get(talent_id)
        if found is None or not self.caller.sees_agency(found.agency):
            raise NotFound("no talent has this id")
        return found

    def reference(self, reference_id: str) -> Reference:
        found = self.store.references.many([plain(reference_id)]).get(reference_id)
        if found is None or not self._sees(found.talent_id):
            raise NotFound("no reference has this id")
        return found

    def consent(self, consent_id: str) -> ConsentRecord:
        """The newest version."""
        return self.consent_versions(consent_id)[-1]

    def consent_versions(self, consent_id: str) -> list[ConsentRecord]:
        """Every version, oldest first, at least one."""
        versions = list(self.store.consents.versions(plain(consent_id)))
        if not versions or not self._sees(versions[-1].talent_id) or not self._granted_to(versions[-1]):
            raise NotFound("no consent has this id")
        return versions

    def may_add_consent(self, consent_id: str) -> bool:
        """Whether nothing outside is on record under this id."""
        versions = self.store.consents.versions(plain(consent_id))
        return not versions or self._sees(versions[-1].talent_id)

    def talents(self, wanted: TalentFilter) -> TalentFilter | None:
        """The filter narrowed to what the caller sees; None: nothing."""
        own, asked = self.caller.agency, wanted.agency
        if own is not None and asked is not None and not same_name(own, asked):
            return None
        return wanted if own is None else replace(wanted, agency=own)

    def consents(self, wanted: ConsentFilter) -> ConsentFilter | None:
        """The same for consents."""
        own, asked = self.caller.client, wanted.client
        if own is not None and asked is not None and not same_name(own, asked):
            return None
        return replace(wanted, agency=self.caller.agency, client=own or asked)

    def name_of(self, talent_id: str) -> str:
        """What a sentence about a picture calls a talent; another agency's is not named."""
        found = self.store.talents.get(talent_id)
        return found.ref if self.caller.sees_agency(found.agency) else "of another agency"

    def _sees(self, talent_id: str) -> bool:
        return self.caller.sees_agency(self.store.talents.get(talent_id).agency)

    def _granted_to(self, record: ConsentRecord) -> bool:
        return self.caller.sees_client(record.grantee.client if record.grantee else None)
