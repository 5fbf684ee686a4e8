"""The tower as open_clip knows it: a timm backbone with a linear head, and a text side that is only there for form.

Its configuration is the whole definition: `build` makes the model that is trained, and the same dictionary is what
`training.export` writes beside the weights.
"""

import open_clip
from torch import nn

BACKBONE = "mobilenetv4_conv_small"
SIDE = 160
EMBEDDING = 512
MEAN = STD = (0.5, 0.5, 0.5)

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
    "interpolation": "bicubic",
    "resize_mode": "squash",
}


def build() -> nn.Module:
    """A fresh model with `encode_image`."""
    return open_clip.CLIP(**CONFIG)
