"""The columns of ``bbbc021-anatomy``: what each of its measures is called and means."""

from __future__ import annotations

from cytobench.phenotypes.anatomy.measuring import STAINS, AnatomySpec
from cytobench.phenotypes.pictures import spoken
from cytobench.results.measures import Column

HEADLINE = "tubulin_excess"
PAPER = "doi:10.1101/227645"
"""Goldsborough et al. 2017, CytoGAN, which shows generated cells in which a halo of tubulin cradles the nucleus."""

ORDER = ("tubulin", *(stain for stain in STAINS if stain != "tubulin"))

BIASED = " Biased upwards in finite sets: read it beside the floor."
"""Of every distance."""


def columns_of(spec: AnatomySpec) -> tuple[Column, ...]:
    """What is measured, the headline first."""
    return (
        Column(
            name=HEADLINE,
            title="tubulin radial over floor",
            better="lower",
            meaning="Tubulin radial distance of generated from real cells less that of as many other real cells (the floor), the "
            "real cells resampled together: 0 on average for a model of the same cells.",
        ),
        *(_radial(stain, spec) for stain in ORDER),
        *_halos(spec),
        Column(
            name="nucleus_area",
            title="nucleus area, px²",
            better="lower",
            meaning="Wasserstein distance of the nucleus's area, px² of the images that the model sees; 0 where none is found."
            + BIASED,
        ),
        *(_content(stain) for stain in ORDER),
        Column(
            name="no_nucleus",
            title="without nucleus",
            better="neither",
            meaning="Share of images in which no nucleus is found; the floor's is best, for some real cells have none. In "
            "them all but the nucleus's area is measured about a central disc.",
        ),
    )


def _radial(stain: str, spec: AnatomySpec) -> Column:
    meaning = (
        f"Mean absolute difference between the mean {spoken(stain)} radial profiles of generated and real cells, from "
        f"{spec.innermost:g} to {spec.outermost:g} px about the nucleus's boundary, in fractions of the cell's mean intensity; "
        f"the profile of a black channel is 0.{BIASED}"
    )
    return Column(name=f"{stain}_radial", title=f"{spoken(stain)} radial", better="lower", meaning=meaning)


def _content(stain: str) -> Column:
    meaning = (
        f"Wasserstein distance of the mean {spoken(stain)} intensity over the cell, in fractions of full scale; where each "
        f"channel of a cell is divided by its own maximum (luminance), absolute amounts are not seen.{BIASED}"
    )
    return Column(name=f"{stain}_content", title=f"{spoken(stain)} content", better="lower", meaning=meaning)


def _halos(spec: AnatomySpec) -> tuple[Column, ...]:
    halo = f"mean tubulin in the cell's ring up to {spec.ring:g} px outside the nucleus over the mean within it, 0 where black"
    told = f"Mean over generated cells of the halo: {halo}. 1 is none, more is the halo that CytoGAN's cells show ({PAPER})."
    distance = f"Wasserstein distance of the halo, {halo}.{BIASED}"
    return (
        Column(name="halo", title="tubulin halo", better="neither", meaning=told),
        Column(
            name="halo_difference",
            title="halo less real",
            better="neither",
            meaning="Mean halo of generated less that of real cells.",
        ),
        Column(name="halo_distance", title="halo distance", better="lower", meaning=distance),
    )
