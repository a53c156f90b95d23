"""``cytobench data``: one module a command."""

from __future__ import annotations

from cytobench.cli.group import LazyGroup

command = LazyGroup(
    "data",
    help="Bring, make and inspect data sets.",
    package="cytobench.cli.data",
    texts={
        "fetch": "Download BBBC021, or take archives and images already on disk; verify every image.",
        "simulate": "Draw a small image set in BBBC021's layout, with the true masks beside it.",
        "prepare": "Make a cell store of an image set: illumination, segmentation, crops.",
        "import": "Make a cell store of crops that were cut elsewhere.",
        "info": "Say what a data set holds; verify it.",
        "report": "Write a page with the pictures and counts to check first.",
    },
)
