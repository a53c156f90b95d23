"""The command line: one module a verb; each parses, calls the public API and prints."""

from __future__ import annotations

import os
import signal
import sys

import click

from cytobench.cli.group import LazyGroup
from cytobench.errors import CytoBenchError

VERBS = {
    "run": "Train, embed and score methods on a data set.",
    "train": "Train methods, and neither embed nor score.",
    "embed": "Embed cells, and score nothing.",
    "evaluate": "Score profiles that were computed elsewhere, or a run again.",
    "generate": "Synthesise cells, beside real ones.",
    "interpolate": "Go from cell to cell, in noise or between codes of real cells.",
    "algebra": "Add and subtract phenotypes, and see what is nearest.",
    "directions": "Find directions of noise that change one property of a cell.",
    "turing": "Ask people which cells are real, and pool their answers.",
    "ls": "List methods, datasets, benchmarks, recipes or runs.",
    "info": "Say what a method, data set or benchmark is.",
    "data": "Bring, make and inspect data sets.",
    "checkpoint": "Export, fetch and list trained weights.",
    "leaderboard": "Build, show, extend and compare boards.",
    "doctor": "Check this machine and this installation.",
}
"""Verbs and what they do."""


@click.group(cls=LazyGroup, texts=VERBS, package="cytobench.cli", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cytobench")
@click.option("--debug", is_flag=True, help="Show a traceback where something fails.")
def group(debug: bool) -> None:
    """CytoBench: which representation of a cell is better, and how sure can one be?"""
    global _debug
    _debug = debug


_debug = False


def main() -> None:
    """Run the command line; exit 0 when all is done, 1 when something failed, 2 on wrong usage."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the run then says that it was interrupted
    try:
        status = group(prog_name="cytobench", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if _debug:
            raise
        _fail(_sentence(error))
    sys.exit(status or 0)


def _sentence(error: Exception) -> str:
    if isinstance(error, CytoBenchError):
        return str(error)
    if isinstance(error, click.Abort):
        return "interrupted; what was finished or saved is kept, and the same command does the rest"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}"
    return f"{type(error).__name__}: {error} (an unexpected error; run again with 'cytobench --debug ...' and report it)"


def _fail(sentence: str) -> None:
    click.echo(f"cytobench: {' '.join(sentence.split())}", err=True)
    sys.exit(1)
