"""What the student is asked for, all on unit vectors.

Views must land on the teacher's vector of their whole base (cosine), nearer to it than to every other base
(contrast against the bank of all targets), keep the teacher's relations within the batch, and the two views of a base
must find each other (contrast within the batch). Bases of one picture are never each other's negatives.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Bank:
    """Targets of all bases, float32 [n, d], unit vectors, and the picture each comes from, int64 [n]."""

    targets: Tensor
    sources: Tensor


def centred(targets: Tensor) -> Tensor:
    """Targets less their mean, as unit vectors: what all pictures share tells none of them apart."""
    return functional.normalize(targets - targets.mean(0), dim=1)


def distillation_terms(
    mild: Tensor, edited: Tensor, rows: Tensor, bank: Bank, temperature: float
) -> dict[str, Tensor]:
    """Loss terms of a batch: views float32 [b, d] and [k * b, d], k each, of the bank's `rows`, int64 [b]."""
    target, each = bank.targets[rows], len(edited) // len(mild)
    return {
        "cosine_mild": 1 - (mild * target).sum(1).mean(),
        "cosine_edited": 1 - (edited * target.repeat(each, 1)).sum(1).mean(),
        "bank": _bank_contrast(torch.cat((mild, edited)), rows.repeat(1 + each), bank, temperature),
        "relations": ((mild @ mild.T - target @ target.T) ** 2).mean() * mild.shape[1] / 8,
        "views": torch.stack(
            [_view_contrast(mild, some, bank.sources[rows], temperature) for some in edited.chunk(each)]
        ).mean(),
    }


def _bank_contrast(views: Tensor, rows: Tensor, bank: Bank, temperature: float) -> Tensor:
    siblings = bank.sources[rows][:, None] == bank.sources[None]
    siblings[torch.arange(len(rows)), rows] = False
    scores = views @ bank.targets.T / temperature
    return functional.cross_entropy(scores.masked_fill(siblings, -torch.inf), rows)


def _view_contrast(mild: Tensor, edited: Tensor, sources: Tensor, temperature: float) -> Tensor:
    siblings = (sources[:, None] == sources[None]).fill_diagonal_(fill_value=False)
    scores = (edited @ mild.T / temperature).masked_fill(siblings, -torch.inf)
    own = torch.arange(len(mild))
    return (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2
