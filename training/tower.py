"""The tower as open_clip knows it: a timm backbone with a linear head, and a text side that is only there for form.

Its configuration is the whole definition: `build` makes the model that is trained, and the same dictionary is what
`training.export` writes beside the weights. A run trains the late parts; `Early` stays
as it was (training.initial).
"""

import open_clip
from torch import Tensor, nn

BACKBONE = "tf_efficientnet_lite0"
SIDE = 128
EMBEDDING = 512
MEAN = STD = (0.5, 0.5, 0.5)
EARLY_STAGES = 5  # of seven; most of the arithmetic and a fifth of the weights

CONFIG: dict[str, object] = {
    "embed_dim": EMBEDDING,
    "vision_cfg": {
        "timm_model_name": BACKBONE,
        "timm_model_pretrained": False,
        "timm_pool": "avg",
        "timm_proj": "",
        "image_size": SIDE,
    },
    # open_clip has no model without a text side: the smallest that it builds
    "text_cfg": {"context_length": 4, "vocab_size": 4, "width": 8, "heads": 1, "layers": 1},
}
PREPROCESS: dict[str, object] = {
    "mean": list(MEAN),
    "std": list(STD),
    "interpolation": "bilinear",
    "resize_mode": "squash",
}


def build() -> nn.Module:
    """A fresh model with `encode_image`."""
    return open_clip.CLIP(**CONFIG)


class Early(nn.Module):
    """The stem and first stages of a model's picture side: they keep the weights that training starts from."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        trunk = visual.trunk
        self.layers = nn.Sequential(trunk.conv_stem, trunk.bn1, *trunk.blocks[:EARLY_STAGES])

    def forward(self, pixels: Tensor) -> Tensor:
        """Features [b, c, s / 16, s / 16] of network inputs [b, 3, s, s]."""
        return self.layers(pixels)


def late_parts(visual: nn.Module) -> nn.ModuleList:
    """What is trained: the later stages and the head."""
    trunk = visual.trunk
    return nn.ModuleList(
        [*trunk.blocks[EARLY_STAGES:], trunk.conv_head, trunk.bn2, trunk.global_pool, trunk.classifier]
    )


def pooled(visual: nn.Module, features: Tensor) -> Tensor:
    """What the head sees, [b, f], from the early stages' features."""
    for part in late_parts(visual)[:-1]:
        features = part(features)
    return features
