"""``cytobench doctor``."""

from __future__ import annotations

import click


@click.command()
def command() -> None:
    """Check this machine and this installation; exit 1 where something is wrong."""
    from tabulate import tabulate

    from cytobench.diagnosis import diagnose
    from cytobench.errors import CytoBenchError

    findings = diagnose()
    click.echo(tabulate([(f.subject, "ok" if f.ok else "WRONG", f.text) for f in findings], tablefmt="plain"))
    wrong = [finding.subject for finding in findings if not finding.ok]
    if wrong:
        raise CytoBenchError(f"something is wrong with {', '.join(wrong)}, see above")
