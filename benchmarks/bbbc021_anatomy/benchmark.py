"""The benchmark ``bbbc021-anatomy``: ``protocol.yaml`` says all of it."""

from pathlib import Path

from cytobench.phenotypes.anatomy.benchmark import AnatomyBenchmark


class BBBC021Anatomy(AnatomyBenchmark):
    """Anatomy of generated cells: nucleus, tubulin halo and radial profiles against those of real cells."""

    folder = Path(__file__).parent
