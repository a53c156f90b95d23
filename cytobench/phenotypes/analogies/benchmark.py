"""The benchmark of vector algebra: hundreds of analogies, each against its own base, other differences and chance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cytobench.benchmark import MOABenchmark
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.algebra.space import CodeSpace
from cytobench.phenotypes.analogies.equations import PosedEquation
from cytobench.phenotypes.analogies.families import dose_family, moa_family
from cytobench.phenotypes.analogies.figures import draw_analogies
from cytobench.phenotypes.analogies.measures import COLUMNS, Block, equation_block, equations_line, family_block, moa_lines
from cytobench.phenotypes.analogies.protocol import AlgebraProtocol
from cytobench.phenotypes.analogies.scoring import score_family
from cytobench.phenotypes.analogies.warnings import warnings_of
from cytobench.phenotypes.benchmark import ModelBenchmark
from cytobench.phenotypes.model import Model
from cytobench.results.measures import Line, Measures

FIGURE = "algebra.png"


@dataclass(frozen=True)
class Noise:
    """What stands for a model that is not yet there."""

    store: CellStore
    name: str = "noise"

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Random codes (n, 2)."""
        return np.random.default_rng(int(rows[0])).normal(size=(len(rows), 2))


class AlgebraBenchmark(ModelBenchmark):
    """Vector algebra, as ``protocol.yaml`` in ``folder`` pins it, over the profiles of the benchmark ``screening``."""

    record = AlgebraProtocol
    screening: ClassVar[type[MOABenchmark]]
    requires = "invertible"

    def __init__(self, variant: str | None = None) -> None:
        super().__init__(variant)
        self.screen = self.screening()
        if self.screen.identity != self.protocol.profiles:
            path = self.folder / "protocol.yaml"
            raise CytoBenchError(f"{path}: profiles: is {self.protocol.profiles}, but this CytoBench has {self.screen.identity}")

    def check(self, store: CellStore, channels: tuple[str, ...], size: int) -> None:
        """Refuse cells that make no profiles, or allow no dose analogy: it is asked of noise in place of codes."""
        space = CodeSpace(Noise(store), self.screen)
        if not len(dose_family(space, self.protocol.minimum_cells)):
            raise CytoBenchError(
                f"{store.name} allows no dose analogy: {self.identity} needs two compounds with two labelled doses each, "
                f"of {self.protocol.minimum_cells} or more cells"
            )

    def measure(self, model: Model, figures: Path, *, progress: bool = False) -> Measures:
        """Score all analogies of an invertible model, and draw ``algebra.png``."""
        protocol, space = self.protocol, CodeSpace(model, self.screen, progress=progress)
        families = {"dose": dose_family(space, protocol.minimum_cells), "moa": moa_family(space, protocol.minimum_cells)}
        scores = {name: score_family(family, space.gallery, protocol) for name, family in families.items()}
        blocks = {name: family_block(families[name], scores[name], protocol) for name in families}
        equations = {equation.name: self._equation(equation.name, space) for equation in protocol.equations}
        draw_analogies(model.title, families, blocks, equations, figures / FIGURE, space.screen, protocol)
        return Measures(
            benchmark=self.identity,
            under=f"{self.screen.identity} {self.screen.protocol.headline}, {self.screen.protocol.distance} distance; "
            f"{len(space.gallery)} treatments, {int(space.counts.sum())} treated cells",
            headline="dose_gain",
            columns=COLUMNS,
            result=_line(model.name, "method", blocks, equations, "result"),
            references=(_line("chance", "control", blocks, equations, "chance"),),
            parts=(
                _line("base alone", "control", blocks, equations, "base"),
                _line("other differences", "control", blocks, equations, "random"),
                *(_equation_line(name, block) for name, block in equations.items()),
                *moa_lines(families, scores, protocol),
            ),
            warnings=warnings_of(space, families, blocks, equations, protocol),
        )

    def _equation(self, name: str, space: CodeSpace) -> Block:
        equation = next(one for one in self.protocol.equations if one.name == name)
        try:
            posed = PosedEquation(equation, space, self.protocol.minimum_cells)
        except CytoBenchError as reason:
            return equation_block(None, self.protocol, str(reason))
        return equation_block(posed.scores(self.protocol), self.protocol)


def _line(name: str, role: str, blocks: dict[str, Block], equations: dict[str, Block], of: str) -> Line:
    measures = {key: measure for family, block in blocks.items() for key, measure in block.line(family, of).items()}
    return Line.model_validate({"name": name, "role": role, "measures": measures | equations_line(list(equations.values()), of)})


def _equation_line(name: str, block: Block) -> Line:
    return Line(name=f"equation: {name}", role="part", measures=block.line("poster", "result"))
