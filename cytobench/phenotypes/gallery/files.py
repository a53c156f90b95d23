"""Galleries as files: pictures for people, arrays for analysis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cytobench.files import unique
from cytobench.phenotypes.gallery.arrays import write_npz, write_tiff
from cytobench.phenotypes.gallery.figures import channel_sheet, composite_sheet, together_sheet
from cytobench.phenotypes.gallery.gallery import Gallery
from cytobench.phenotypes.gallery.record import GalleriesRecord, record_of
from cytobench.phenotypes.naming import key_of, stem_of
from cytobench.phenotypes.pictures import write_picture


def write_galleries(made: Sequence[Gallery], folder: Path) -> GalleriesRecord:
    """Write each gallery as two pictures, ``.npz`` and ``.tif``, and where there are several one picture of all models.

    Args:
        made: a gallery of each model.
        folder: for files. Their names begin with ``generate`` and the method, and hold a checksum of the model and of what was
            asked of it: the same call replaces its own files, and never another run's, seed's or treatment's.
    """
    stems = unique([_stem(one) for one in made])
    records = [record_of(one, write_gallery(one, folder, stem)) for one, stem in zip(made, stems, strict=True)]
    together = folder / f"generate-models-{key_of(*stems)}.png" if len(made) > 1 else None
    if together is not None:
        write_picture(together_sheet(made), together)
    return GalleriesRecord(galleries=tuple(records), together=together and str(together))


def write_gallery(made: Gallery, folder: Path, stem: str) -> tuple[str, ...]:
    """Write the files of one gallery and return their paths."""
    model, title = made.model, made.model.title
    composite, channels, arrays = folder / f"{stem}.png", folder / f"{stem}-channels.png", folder / f"{stem}.npz"
    write_picture(composite_sheet(made), composite)
    write_picture(channel_sheet(made), channels)
    write_npz(made, arrays)
    generated, cells = folder / f"{stem}-generated.tif", folder / f"{stem}-{made.kind}.tif"
    numbered = [f"generated {number}" for number in range(len(made.generated))]
    write_tiff(made.generated, generated, model.channels, numbered, f"{title}, generated")
    write_tiff(made.cells, cells, model.channels, [f"row {row}" for row in made.rows], f"{title}, {made.kind} cells")
    return tuple(str(path) for path in (composite, channels, arrays, generated, cells))


def _stem(made: Gallery) -> str:
    return stem_of("generate", made.model, made.treatment, asked=(made.seed, len(made.generated)))
