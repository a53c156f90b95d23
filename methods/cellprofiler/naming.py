"""CellProfiler's names for what cp_measure measures."""

from __future__ import annotations

OBJECTS = ("Nuclei", "Cells", "Cytoplasm")
"""What is measured: the nucleus, the whole cell and the cell without its nucleus."""

NEVER_FINITE = ("AreaShape_NormalizedMoment_0_0", "AreaShape_NormalizedMoment_0_1", "AreaShape_NormalizedMoment_1_0")
"""Not defined: moments are normalised from the second order on."""
ALWAYS_ZERO = ("AreaShape_CentralMoment_0_1", "AreaShape_CentralMoment_1_0")
"""Zero by definition: what is measured is rounding."""
PLACES = ("AreaShape_Center_", "AreaShape_BoundingBoxMinimum_", "AreaShape_BoundingBoxMaximum_", "Location_")
"""Places in the image: in a crop they tell where it was cut."""
OF_IMAGES = ("Correlation_Slope_",)
"""What CellProfiler's MeasureColocalization writes of whole images, and of no object."""


def is_kept(name: str) -> bool:
    """Whether a feature (``Cells_AreaShape_Area``) says something of the cell."""
    measured = name.split("_", 1)[1]
    return measured not in NEVER_FINITE + ALWAYS_ZERO and not measured.startswith(PLACES + OF_IMAGES)


def of_shape(key: str) -> str:
    """``Area`` -> ``AreaShape_Area``."""
    return f"AreaShape_{key}"


def of_channel(key: str, channel: str) -> str:
    """``RadialDistribution_FracAtD_1of4`` -> ``RadialDistribution_FracAtD_DAPI_1of4``; all others have the channel last."""
    if not key.startswith("RadialDistribution_"):
        return f"{key}_{channel}"
    category, measure, *rest = key.split("_")
    return "_".join([category, measure, channel, *rest])


def of_texture(key: str, channel: str) -> str:
    """``Contrast_3_00_256`` (scale, direction, grey levels) -> ``Texture_Contrast_DAPI_3_00_256``."""
    measure, *rest = key.split("_")
    return "_".join(["Texture", measure, channel, *rest])


def of_pair(key: str, first: str, second: str) -> str:
    """``Correlation_Manders_1`` -> ``Correlation_Manders_DAPI_Actin``, and ``_2`` the other way round."""
    _, measure, *side = key.replace("Pearson", "Correlation").split("_")
    pair = (second, first) if side == ["2"] else (first, second)
    return "_".join(["Correlation", measure, *pair])
