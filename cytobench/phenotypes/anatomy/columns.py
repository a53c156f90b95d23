"""The columns of ``bbbc021-anatomy``: what each of its measures is called and means."""

from __future__ import annotations

from cytobench.phenotypes.anatomy.measuring import STAINS, AnatomySpec
from cytobench.results.measures import Column

HEADLINE = "tubulin_radial"
PAPER = "doi:10.1101/227645"
"""Goldsborough et al. 2017, CytoGAN, which shows generated cells in which a halo of tubulin cradles the nucleus."""

ORDER = ("tubulin", *(stain for stain in STAINS if stain != "tubulin"))


def columns_of(spec: AnatomySpec) -> tuple[Column, ...]:
    """What is measured, the headline first."""
    return (
        *(_radial(stain, spec) for stain in ORDER),
        *_halos(spec),
        Column(
            name="nucleus_area",
            title="nucleus area, px²",
            better="lower",
            meaning="Wasserstein distance of the nucleus's area, px² of the images that the model sees; images without one "
            "are left out.",
        ),
        *(_content(stain) for stain in ORDER),
        Column(
            name="no_nucleus",
            title="without nucleus",
            better="lower",
            meaning="Share of images in which no nucleus is found; all but its area is measured about the central disc in them.",
        ),
    )


def _radial(stain: str, spec: AnatomySpec) -> Column:
    meaning = (
        f"Mean absolute difference between the mean {_spoken(stain)} radial profiles of generated and real cells, from "
        f"{spec.innermost:g} to {spec.outermost:g} px about the nucleus's boundary, in fractions of the cell's mean intensity."
    )
    return Column(name=f"{stain}_radial", title=f"{_spoken(stain)} radial", better="lower", meaning=meaning)


def _content(stain: str) -> Column:
    meaning = (
        f"Wasserstein distance of the mean {_spoken(stain)} intensity over the cell, in fractions of full scale; where each "
        "channel of a cell is divided by its own maximum (luminance), absolute amounts are not seen."
    )
    return Column(name=f"{stain}_content", title=f"{_spoken(stain)} content", better="lower", meaning=meaning)


def _halos(spec: AnatomySpec) -> tuple[Column, ...]:
    halo = f"mean tubulin in the cell's ring up to {spec.ring:g} px outside the nucleus over the mean within it"
    told = f"Mean over generated cells of the halo: {halo}. 1 is none, more is the halo that CytoGAN's cells show ({PAPER})."
    return (
        Column(name="halo", title="tubulin halo", better="neither", meaning=told),
        Column(
            name="halo_difference",
            title="halo less real",
            better="neither",
            meaning="Mean halo of generated less that of real cells.",
        ),
        Column(name="halo_distance", title="halo distance", better="lower", meaning=f"Wasserstein distance of the halo, {halo}."),
    )


def _spoken(stain: str) -> str:
    return "DNA" if stain == "dna" else stain
