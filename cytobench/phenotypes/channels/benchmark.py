"""What a representation draws from each channel of a cell, and from the agreement of its channels."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from cytobench import registry
from cytobench.benchmark import MOABenchmark
from cytobench.datasets.store import CellStore
from cytobench.phenotypes.benchmark import ModelBenchmark, ModelProtocol
from cytobench.phenotypes.channels.cells import ScoredCells, scored_cells, scored_wells
from cytobench.phenotypes.channels.embeddings import embed_versions
from cytobench.phenotypes.channels.figures import draw_channels
from cytobench.phenotypes.channels.measures import HEADLINE, columns_of, result_line, version_lines, warnings_of
from cytobench.phenotypes.channels.scores import ChannelScores
from cytobench.phenotypes.channels.versions import versions_of
from cytobench.phenotypes.model import Model
from cytobench.results.measures import Measures

FIGURE = "channels.png"


class ChannelsProtocol(ModelProtocol):
    """A versioned protocol; the file itself explains each value."""

    moa: str
    cells_per_well: int = Field(ge=2)
    blank: Literal["zero"]
    swap_within: Literal["well"]
    deal_within: Literal["treatment"]
    constant_feature: float = Field(gt=0)
    seed: int


class ChannelsBenchmark(ModelBenchmark):
    """Blank, isolate and swap channels, as ``protocol.yaml`` in ``folder`` pins it."""

    requires = "images"
    record = ChannelsProtocol

    def check(self, store: CellStore, channels: tuple[str, ...], size: int) -> None:
        """Refuse cells with one channel, and a store without a well that counts."""
        versions_of(channels)
        scored_wells(store, headline_of(self.protocol.moa))

    def measure(self, model: Model, figures: Path, *, progress: bool = False) -> Measures:
        """Embed every cell as it is and in each version, score all, and draw ``channels.png``.

        Args:
            model: ready, on its device.
            figures: the folder for pictures.
            progress: show a bar on stderr.

        Raises:
            CytoBenchError: where cells have one channel only, no well counts, or the method cannot embed cells as they are.
        """
        versions = versions_of(model.channels)
        moa = headline_of(self.protocol.moa)
        cells = scored_cells(model.store, moa, self.protocol.cells_per_well, self.protocol.seed)
        embeddings = embed_versions(model, cells, versions, self.protocol.constant_feature, progress=progress)
        scores = ChannelScores(moa, cells, embeddings)
        result, parts = result_line(model.name, versions, scores), version_lines(versions, scores)
        draw_channels(model, cells, versions, result, parts, figures / FIGURE)
        return Measures(
            benchmark=self.identity,
            under=self._under(moa, cells),
            headline=HEADLINE,
            columns=columns_of(versions),
            result=result,
            references=(),
            parts=parts,
            warnings=(*warnings_of(result, parts, cells), *scores.intact.warnings),
        )

    def _under(self, moa: MOABenchmark, cells: ScoredCells) -> str:
        return (
            f"{moa.identity}, {moa.protocol.headline}; {len(cells.rows)} cells of {cells.wells[-1] + 1} wells, at most "
            f"{self.protocol.cells_per_well} a well; blank is zero; {int(cells.swapped.sum())} cells swap within their well"
        )


def headline_of(name: str) -> MOABenchmark:
    """The mechanism-of-action benchmark of that name, which scores under its headline post-processing only."""
    moa: MOABenchmark = registry.benchmark(name)
    moa.protocol = moa.protocol.model_copy(update={"panel": (moa.protocol.headline,)})
    return moa
