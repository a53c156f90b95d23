"""A group of commands whose modules are imported when they are called, so that ``--help`` is instant."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of commands.

    Args:
        texts: each command's name and one line on what it does, in the order of a first visit.
        package: where the commands are: the command ``name`` is ``command`` in the module ``package.name``.
    """

    def __init__(self, *args: Any, texts: dict[str, str], package: str, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._texts, self._package = texts, package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of a first visit."""
        return list(self._texts)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module."""
        if cmd_name not in self._texts:
            return None
        command: click.Command = import_module(f"{self._package}.{cmd_name.replace('import', 'import_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._texts.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        from cytobench.errors import nearest

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message.rstrip('.')}{nearest(args[0], self._texts)}", ctx) from None
