"""The command line: one module a verb; each parses, calls the public API and prints."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

import click

from cytobench.errors import CytoBenchError

VERBS = {
    "run": "Train, embed and score methods on a data set.",
    "evaluate": "Score profiles that were computed elsewhere, or a run again.",
    "ls": "List methods, datasets, benchmarks, recipes or runs.",
    "info": "Say what a method, data set or benchmark is.",
    "data": "Import and inspect data sets.",
    "leaderboard": "Build, show, extend and compare boards.",
    "doctor": "Check this machine and this installation.",
}
"""Verbs and what they do; the modules are imported when they are called, so that --help is instant."""


class Verbs(click.Group):
    """A group whose commands are the ``command`` of the modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of a first visit."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's module."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"cytobench.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest verb for an unknown one."""
        from cytobench.errors import nearest

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message.rstrip('.')}{nearest(args[0], VERBS)}", ctx) from None


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
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
        return "interrupted; finished stages are kept, and the same command does the rest"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}"
    return f"{type(error).__name__}: {error} (an unexpected error; run again with 'cytobench --debug ...' and report it)"


def _fail(sentence: str) -> None:
    click.echo(f"cytobench: {' '.join(sentence.split())}", err=True)
    sys.exit(1)
