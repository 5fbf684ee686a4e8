"""Credentials as the JSON object of a row: `credentials` in docs/finding.schema.json. Pure.

No picture that a manifest holds, no prompt and no serial of a device gets into it.
"""

from __future__ import annotations

from typing import Any

from detector.credentials.claims import (
    Action,
    Credentials,
    Description,
    FailedCheck,
    Ingredient,
    Manifest,
    Signer,
    SourceClaim,
    TrainingTerm,
)
from detector.origin import declared_by_file

Row = dict[str, Any]


def credentials_row(credentials: Credentials) -> Row:
    """What the file says of itself. `synthetic` is what its claims come to, without what is claimed with the use."""
    origin = declared_by_file(credentials)
    return {
        "synthetic": origin.made,
        "synthetic_source": origin.source or None,
        "claims": [_claim_row(claim) for claim in credentials.claims],
        "c2pa": _manifest_row(credentials.manifest) if credentials.manifest else None,
        "metadata": _description_row(credentials.description),
        "generators": [{"name": each.name, "where": each.where} for each in credentials.generators],
        "notices": [{"code": each.code, "detail": each.detail} for each in credentials.notices],
    }


def _claim_row(claim: SourceClaim) -> Row:
    return {
        "made": claim.made,
        "source": claim.source,
        "term": claim.term,
        "standing": claim.standing,
        "counts": claim.counts,
    }


def _manifest_row(manifest: Manifest) -> Row:
    return {
        "state": manifest.state,
        "trusted": manifest.trusted,
        "signer": _signer_row(manifest.signer) if manifest.signer else None,
        "generator": manifest.generator,
        "title": manifest.title,
        "actions": [_action_row(action) for action in manifest.actions],
        "ingredients": [_ingredient_row(ingredient) for ingredient in manifest.ingredients],
        "training_mining": [_training_row(term) for term in manifest.training],
        "failures": [_failure_row(check) for check in manifest.failures],
        "remote_url": manifest.remote_url,
    }


def _signer_row(signer: Signer) -> Row:
    return {
        "name": signer.name,
        "organisation": signer.organisation,
        "serial": signer.serial,
        "signed_at": signer.signed_at.isoformat() if signer.signed_at else None,
    }


def _action_row(action: Action) -> Row:
    return {
        "action": action.name,
        "digital_source_type": action.digital_source_type,
        "tool": action.tool,
        "when": action.when,
    }


def _ingredient_row(ingredient: Ingredient) -> Row:
    return {
        "title": ingredient.title,
        "relationship": ingredient.relationship,
        "within": ingredient.within,
        "has_picture": ingredient.has_picture,
        "failures": [_failure_row(check) for check in ingredient.failures],
    }


def _training_row(term: TrainingTerm) -> Row:
    return {"purpose": term.purpose, "use": term.use, "detail": term.detail}


def _failure_row(check: FailedCheck) -> Row:
    return {"check": check.code, "detail": check.detail}


def _description_row(described: Description) -> Row:
    """Only what is there."""
    written = {
        "creators": list(described.creators),
        "credit": described.credit,
        "rights": described.rights,
        "model_release": described.model_release,
        "model_release_ids": list(described.model_release_ids),
        "data_mining": described.data_mining,
        "digital_source_type": described.digital_source_type,
        "software": described.software,
    }
    return {name: value for name, value in written.items() if value}
