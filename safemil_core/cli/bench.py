"""The command for measuring speed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from safemil_core.bench.benchmark import Devices, Plan, measure
from safemil_core.bench.report import markdown
from safemil_core.bench.workloads import WHOLE
from safemil_core.cli.session import common_options, session
from safemil_core.errors import InvalidConfig
from safemil_core.workspace import whole_file

ALL = Plan()
QUICK = Plan(bag_sizes=(128,), windows=(10,), hidden=(256,), seconds=4.0, has_auc=False)


@click.command()
@click.option("--quick", is_flag=True, help="K = 128, H = 10, hidden 256 alone, without seconds to AUC; a minute.")
@click.option("--device", type=click.Choice(get_args(Devices)), default="all", show_default=True)
@click.option("--bag-size", "bag_sizes", type=click.IntRange(1), multiple=True, metavar="K", help="Only these K.")
@click.option("--window", "windows", multiple=True, metavar="H", help="Only these H, a number or `full`.")
@click.option("--hidden", type=click.IntRange(1), multiple=True, metavar="WIDTH", help="Only these hidden widths.")
@click.option("--policy/--no-policy", "has_policy", default=True, help="The policies' side as well.")
@click.option("--auc/--no-auc", "has_auc", default=None, help="Seconds to a good AUC; two minutes.")
@click.option("--profile", "has_profile", is_flag=True, help="Add what the engine spends its time on.")
@click.option(
    "--d3rlpy",
    "d3rlpy_python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PYTHON",
    help="The Python of an environment that has d3rlpy, to measure that as well (`make bench` makes one).",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Of each comparison: 6, or 4 if quick.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the rows as JSON as well.")
@common_options
def bench(
    quick: bool,
    device: Devices,
    bag_sizes: tuple[int, ...],
    windows: tuple[str, ...],
    hidden: tuple[int, ...],
    has_policy: bool,
    has_auc: bool | None,
    has_profile: bool,
    d3rlpy_python: Path | None,
    seconds: float | None,
    out: Path | None,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Measure updates a second beside a straightforward reference, and beside their matrix products alone.

    All contestants take turns. Ten minutes in all; other work on the machine falsifies what it says.
    """
    here, begun = session(as_json, workspace), QUICK if quick else ALL
    plan = replace(
        begun,
        devices=device,
        bag_sizes=bag_sizes or begun.bag_sizes,
        windows=[_window(name) for name in windows] or begun.windows,
        hidden=hidden or begun.hidden,
        seconds=seconds or begun.seconds,
        has_policy=has_policy,
        has_auc=begun.has_auc if has_auc is None else has_auc,
        has_profile=has_profile,
        d3rlpy_python=str(d3rlpy_python.absolute()) if d3rlpy_python else None,
    )
    measured = measure(plan, on_step=lambda step: click.echo(step, err=True))
    rows = [row.document() for row in measured.rows]
    if out is not None:
        with whole_file(out) as temporary:
            temporary.write_text(json.dumps(rows, indent=1) + "\n")
    here.say(rows, markdown(measured))


def _window(name: str) -> int:
    if name == "full":
        return WHOLE
    if not name.isdecimal() or int(name) < 1:
        raise InvalidConfig(f"--window must be a number from 1, or `full`, got {name!r}")
    return int(name)


COMMANDS = (bench,)
