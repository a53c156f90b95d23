"""MobileNetV1 of a quarter of the width (Howard et al. 2017, doi:10.48550/arXiv.1704.04861), added to timm's names.

timm has the architecture at full width and more, and offers no setting for less; import this after timm (``import_timm``).
"""

from __future__ import annotations

from typing import Any

from timm.models import EfficientNet, build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

STEM = 8
STAGES = ((16, 1, 1), (32, 2, 2), (64, 2, 2), (128, 6, 2), (256, 2, 2))
"""Width, blocks and first stride of each stage: table 1 of the paper, widths times 0.25."""

default_cfgs = generate_default_cfgs(
    {
        "mobilenetv1_025.biubug6_in1k": {
            "input_size": (3, 224, 224),
            "interpolation": "bilinear",
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "num_classes": 1000,
            "first_conv": "conv_stem",
            "classifier": "classifier",
        }
    }
)
"""Read by timm's registry; the mean and standard deviation of ImageNet's pixels, with which its weights were trained."""


@register_model
def mobilenetv1_025(pretrained: bool = False, **settings: Any) -> nn.Module:
    """MobileNetV1 0.25 with plain ReLU, 256 features."""
    arguments = {"num_features": 0, "stem_size": STEM, "act_layer": nn.ReLU, "block_args": _blocks(), **settings}
    return build_model_with_cfg(EfficientNet, "mobilenetv1_025", pretrained, **arguments)


def _blocks() -> list[list[dict[str, Any]]]:
    """Depthwise separable blocks (``dsa``: with an activation after the pointwise convolution, and no shortcut)."""
    separable = {"block_type": "dsa", "dw_kernel_size": 3, "pw_kernel_size": 1, "act_layer": None, "pw_act": True, "noskip": True}
    return [
        [{**separable, "se_ratio": 0.0, "out_chs": width, "stride": stride if number == 0 else 1} for number in range(blocks)]
        for width, blocks, stride in STAGES
    ]
