"""The head's first weights in closed form: ridge regression from the backbone's features of views to the targets.

Features of some thousand views are made once and the normal equations are solved. Training goes on from there instead of
from a random head.
"""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor, nn

from training.losses import Bank
from training.tower import pooled

RIDGE = 0.02  # of the features' mean variance


@torch.inference_mode()
def fit_head(visual: nn.Module, batches: Iterator[tuple[Tensor, Tensor]], count: int, bank: Bank) -> None:
    """Set the classifier of the picture side from `count` batches: early features, rows [b]."""
    visual.eval()
    read = [(pooled(visual, early), bank.targets[rows]) for early, rows in islice(batches, count)]
    features, targets = (torch.cat(part).double() for part in zip(*read, strict=True))
    weight, bias = ridge(features, targets)
    visual.trunk.classifier.weight.copy_(weight.float())
    visual.trunk.classifier.bias.copy_(bias.float())


def ridge(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Weight [t, f] and bias [t] of the regularised least-squares map from features [n, f] to targets [n, t]."""
    mean, target_mean = features.mean(0), targets.mean(0)
    centred = features - mean
    covariance = centred.T @ centred / len(features)
    strength = RIDGE * covariance.diagonal().mean()
    damped = covariance + strength * torch.eye(len(mean), dtype=features.dtype)
    weight = torch.linalg.solve(damped, centred.T @ (targets - target_mean) / len(features)).T
    return weight, target_mean - weight @ mean
