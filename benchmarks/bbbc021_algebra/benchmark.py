"""The benchmark ``bbbc021-algebra``: ``protocol.yaml`` says all of it."""

from pathlib import Path

from cytobench.phenotypes.analogies.benchmark import AlgebraBenchmark
from cytobench_benchmarks.bbbc021_moa.benchmark import BBBC021MOA


class BBBC021Algebra(AlgebraBenchmark):
    """BBBC021 vector algebra: analogies between doses and between mechanisms, in the codes of invertible models."""

    folder = Path(__file__).parent
    screening = BBBC021MOA
