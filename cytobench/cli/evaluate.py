"""``cytobench evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.options import JSON, RUNS
from cytobench.cli.printing import echo_json, echo_run


@click.command()
@click.argument("source", metavar="TABLE|RUN")
@click.option("--name", help="Of the method on boards; the table's own by default.")
@click.option("--title", help="Of the method in words.")
@click.option("--citation", default="supplied without a citation", help="Of the method.")
@click.option("--supervision", default="not stated", type=click.Choice(["none", "imagenet", "treatment", "moa", "not stated"]))
@click.option("--benchmark", default="bbbc021-moa", show_default=True, metavar="NAME")
@click.option("--allow-nan", is_flag=True, help="Impute missing values by the controls' median, and count them.")
@RUNS
@JSON
def command(
    source: str,
    name: str | None,
    title: str | None,
    citation: str,
    supervision: str,
    benchmark: str,
    allow_nan: bool,
    runs: Path,
    as_json: bool,
) -> None:
    """Score a profile table (Parquet or CSV, a row a well or a cell), or the profiles of a run.

    The table has Metadata_Plate and Metadata_Well (or Image_Metadata_...); Metadata_Compound and Metadata_Concentration are
    joined from BBBC021's plate map where it has none. Every other numeric column is a feature.
    """
    from cytobench.evaluation import evaluate
    from cytobench.results.summary import summarise

    finished = evaluate(
        source,
        name=name,
        title=title,
        citation=citation,
        supervision=supervision,
        benchmark=benchmark,
        allow_nan=allow_nan,
        runs=runs,
    )
    if as_json:
        echo_json([summarise(finished)], single=True)
    else:
        echo_run(finished, runs)
