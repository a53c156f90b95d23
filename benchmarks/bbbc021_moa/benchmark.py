"""The benchmark ``bbbc021-moa``: ``protocol.yaml`` says all of it."""

from pathlib import Path

from cytobench.benchmark import MOABenchmark


class BBBC021MOA(MOABenchmark):
    """BBBC021 mechanism of action."""

    folder = Path(__file__).parent
