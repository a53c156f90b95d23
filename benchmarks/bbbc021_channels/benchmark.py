"""The benchmark ``bbbc021-channels``: ``protocol.yaml`` says all of it."""

from pathlib import Path

from cytobench.phenotypes.channels.benchmark import ChannelsBenchmark


class BBBC021Channels(ChannelsBenchmark):
    """What a representation draws from each channel of a cell, and from their agreement."""

    folder = Path(__file__).parent
