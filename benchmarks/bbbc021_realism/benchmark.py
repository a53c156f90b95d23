"""The benchmark ``bbbc021-realism``: ``protocol.yaml`` says all of it."""

from pathlib import Path

from cytobench.phenotypes.realism.benchmark import RealismBenchmark


class BBBC021Realism(RealismBenchmark):
    """Realism of generated cells: KID, FID, precision and recall, and copies of training cells."""

    folder = Path(__file__).parent
