"""``python -m cytobench``."""

from cytobench.cli import main

main()
