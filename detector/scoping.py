"""Where and for what: whether a use lies inside a record's client, scope, purpose, territory and AI terms.

A scope field holds when the use's value is listed, or "any" is; it is unknown when the use leaves it open, or
the record is silent on it. Nothing unstated is ever read as unlimited."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from detector.case import Answer, Case, Ground, Limb, Term, fits_client, names_client
from detector.decision import Reason
from detector.record import ConsentRecord
from detector.terms import ANY, Scope, Words, fold
from detector.territory import WORLD, reaches, territory_of

REFERENCE_PREFIX = "ref_"
"""How the ids of references begin; any other name of an asset is the client's own."""


def use_terms(record: ConsentRecord, case: Case, limb: Limb) -> list[Term]:
    """The terms of the record that speak of who uses the picture, where, and for what."""
    found = [_client(record, case), *_scope(record.scope or Scope(), case, limb), _purpose(record, case)]
    found.append(_territory(record, case))
    return found + _making(record, case) if limb is Limb.REPLICA else found


def making_terms(record: ConsentRecord, case: Case) -> list[Term]:
    """The terms of a record that speak of what is made and how, whoever shows it wherever later."""
    shown = {"medium", "alteration"}
    scope = _scope(record.scope or Scope(), case, Limb.REPLICA)
    return [term for term in scope if term.code.partition("_")[0] not in shown] + _making(record, case)


def _client(record: ConsentRecord, case: Case) -> Term:
    name = record.grantee.client if record.grantee else "nobody"
    others = [client for client in case.clients if not names_client(record, frozenset({client}))]
    if case.use.client is None and others and fits_client(record, case):
        detail = f"The domain is {name}'s and also that of {', '.join(sorted(others))}; whose use it is, is unknown."
        return Term("client_ambiguous", Answer.UNKNOWN, Ground.SCOPE, detail)
    if fits_client(record, case):
        return Term("client_outside", Answer.HOLDS, Ground.SCOPE)
    if record.grantee and record.grantee.sublicence:
        detail = f"The record is {name}'s, who may sub-license it; no sub-licence is on record."
        return Term("sublicence_unproven", Answer.UNKNOWN, Ground.SCOPE, detail)
    detail = f"The record is {name}'s; this use is by {case.use.client or ', '.join(sorted(case.clients))}."
    return Term("client_outside", Answer.FAILS, Ground.SCOPE, detail)


def _scope(scope: Scope, case: Case, limb: Limb) -> list[Term]:
    use, barred = case.use, scope.exclusions
    found = [
        _asset(scope, case),
        listed("campaign", scope.campaigns, barred.campaigns, _one(use.campaign)),
        listed("product", scope.products, barred.products, _one(use.product)),
        listed("medium", scope.media, barred.media, _one(use.medium)),
    ]
    if limb is Limb.REPLICA or use.alterations:
        found.append(listed("alteration", scope.alterations, barred.alterations, use.alterations))
    return found


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None or not value.strip() else (value,)


def listed(name: str, allowed: Words | None, barred: Collection[str], values: Sequence[str]) -> Term:
    """The term for one list of a record. No `values`: the use leaves it open. Every value must be allowed."""
    asked = set(map(fold, values))
    if asked & set(map(fold, barred)):
        return _outside(name, f"The record excludes the {name} {', '.join(values)}.")
    if allowed is None:
        return Term(
            f"{name}_unstated",
            Answer.UNKNOWN,
            Ground.SCOPE,
            f"The record does not say which {name} it grants.",
        )
    if not asked and (allowed != ANY or barred):
        return _open(name, allowed)
    if allowed != ANY and not asked <= set(map(fold, allowed)):
        return _outside(
            name, f"The record grants the {name} {', '.join(allowed)}; this use has {', '.join(values)}."
        )
    return Term(f"{name}_outside", Answer.HOLDS, Ground.SCOPE)


def _outside(name: str, detail: str) -> Term:
    return Term(f"{name}_outside", Answer.FAILS, Ground.SCOPE, detail)


def _open(name: str, allowed: Words | None) -> Term:
    granted = "all but some" if allowed == ANY or not allowed else ", ".join(allowed)
    detail = f"The record limits the {name} ({granted}), and this use does not say its {name}."
    return Term(f"{name}_unknown", Answer.UNKNOWN, Ground.SCOPE, detail)


def _asset(scope: Scope, case: Case) -> Term:
    """The picture that is used, by the name the use gives it or, for a copy, the reference it is a copy
    of."""
    copied = _one(case.evidence.reference_id) if case.evidence.copy_class is not None else ()
    barred = scope.exclusions.assets
    by_copy = listed("asset", scope.assets, barred, copied)
    excluded = not set(map(fold, copied)).isdisjoint(map(fold, barred))
    if copied and _names_another_reference(case):
        return _outside("asset", f"The use names {case.use.asset}; the picture is a copy of {copied[0]}.")
    if excluded or (copied and not barred and by_copy.answer is Answer.HOLDS):
        return by_copy
    return listed("asset", scope.assets, barred, _one(case.use.asset))


def _names_another_reference(case: Case) -> bool:
    """A name that is a reference's id can be checked against what was copied; then the picture is believed."""
    claimed = fold(case.use.asset or "")
    return claimed.startswith(REFERENCE_PREFIX) and claimed != fold(case.evidence.reference_id or "")


def _purpose(record: ConsentRecord, case: Case) -> Term:
    code = record.purpose.code if record.purpose else None
    granted: Words | None = None if code is None else ANY if fold(code) == ANY else (code,)
    return listed("purpose", granted, (), _one(case.use.purpose))


def _territory(record: ConsentRecord, case: Case) -> Term:
    granted, territory = record.territory, territory_of(case.use.territory)
    if granted is None:
        detail = "The record does not say which territory it grants."
        return Term("territory_unstated", Answer.UNKNOWN, Ground.SCOPE, detail)
    named = ", ".join(granted.include) + (f" less {', '.join(granted.exclude)}" if granted.exclude else "")
    if territory is None:
        if reaches(granted.include, granted.exclude, WORLD):
            return Term("territory_outside", Answer.HOLDS, Ground.SCOPE)
        detail = f"The record grants {named}, and this use names no territory of ISO 3166-1."
        return Term("territory_unknown", Answer.UNKNOWN, Ground.SCOPE, detail)
    if reaches(granted.include, granted.exclude, territory):
        return Term("territory_outside", Answer.HOLDS, Ground.SCOPE)
    return _outside("territory", f"The record grants {named}; this use is in {territory}.")


def _making(record: ConsentRecord, case: Case) -> list[Term]:
    """How a replica was made. These limits hold only where the record states them."""
    found = []
    if record.ai.tools:
        found.append(listed("tool", record.ai.tools, (), _one(case.use.tool)))
    if record.ai.digital_source_types:
        declared = _one(case.use.digital_source_type)
        allowed = tuple(map(_term_of, record.ai.digital_source_types))
        found.append(listed("digital_source_type", allowed, (), tuple(map(_term_of, declared))))
    if record.ai.generation is False and not case.edited:
        found.append(_generation(case))
    return found


def _term_of(text: str) -> str:
    """The IPTC term, whether it is written alone or as its address."""
    return text.rstrip("/").rpartition("/")[2]


def _generation(case: Case) -> Term:
    if case.edited is None:
        detail = (
            "The record forbids generation, and it is unknown whether the picture was generated or edited."
        )
        return Term("generation_unknown", Answer.UNKNOWN, Ground.SCOPE, detail)
    return _outside("generation", "The record forbids generation, and the picture was generated.")


def disclosures(record: ConsentRecord, case: Case) -> tuple[Reason, ...]:
    """The label and the credentials that the record requires of a replica and that are not there, or not
    known to be."""
    asked = (
        ("label", "a label that says it is AI-made", record.ai.label_required, case.use.labelled_ai),
        ("c2pa", "C2PA credentials", record.ai.c2pa_required, case.use.has_c2pa),
    )
    return tuple(
        Reason(f"{name}_unknown", f"The record requires {what}; it is not proven that the picture has it.")
        if present is None
        else Reason(f"{name}_missing", f"The record requires {what}; the picture has none.")
        for name, what, required, present in asked
        if required and not present
    )
