"""Commands for looking at trajectories again: which next, which labels seem wrong, and how far people agree."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from safemil_core.assessment.agreement import Kappa, conflicts, pair_agreements
from safemil_core.assessment.descriptors import describe
from safemil_core.assessment.label_audit import audit as audit_labels
from safemil_core.assessment.review_queue import ORDERS, Order, review_queue
from safemil_core.cli.session import common_options, session
from safemil_core.data.labels.store import default_author
from safemil_core.errors import InvalidConfig
from safemil_core.running.committees import read_committee


@click.command()
@click.argument("dataset")
@click.option("--order", type=click.Choice(ORDERS), show_default="learned cost with --run, else random audit")
@click.option("--run", "run_id", help="Whose learned cost counts; needed for that order.")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**62), help="Of the random audit.")
@common_options
def queue(
    dataset: str, order: Order | None, run_id: str | None, count: int, seed: int, as_json: bool, workspace: Path | None
) -> None:
    """Say which trajectories to look at next, and why each."""
    here = session(as_json, workspace)
    info = here.datasets.info(dataset)
    order = order or ("learned cost" if run_id else "random audit")
    if run_id and order != "learned cost":
        raise InvalidConfig(
            f"--run gives a learned cost, and the order {order!r} goes by something else; give one of them"
        )
    learned = None
    if run_id:
        run = here.runs.open(run_id)
        run.require_dataset(info)
        learned = run.trajectories()["cost_sum"].to_numpy()
    committee = read_committee(here.workspace, info)
    items = review_queue(
        order,
        labels=here.datasets.labels(dataset).current(),
        descriptors=describe(here.datasets.table(dataset)),
        learned_cost=learned,
        disagreement=None if committee is None else committee.disagreement,
        seed=seed,
    )[:count]
    here.say(
        [asdict(item) for item in items],
        "\n".join(f"{item.trajectory}  {item.why}" for item in items) or "every trajectory has a label",
    )


@click.command()
@click.argument("dataset")
@click.option("--count", default=20, show_default=True, type=click.IntRange(1), help="Findings of each kind.")
@click.option("--author", default=default_author, help="Who asks; your account's name if not given.")
@common_options
def audit(dataset: str, count: int, author: str, as_json: bool, workspace: Path | None) -> None:
    """Look for labels that seem wrong: an ensemble learns from the others and says what it would expect."""
    here = session(as_json, workspace)
    info, store = here.datasets.info(dataset), here.datasets.labels(dataset)
    committee = read_committee(here.workspace, info)
    if committee is None or committee.is_outdated(store.latest()):
        from safemil_core.running.committee_stage import ask_committee  # torch takes seconds to import

        click.echo("training the ensemble", err=True)
        ask_committee(here.workspace, dataset, author)
        committee = read_committee(here.workspace, info)
    assert committee is not None
    descriptors = describe(here.datasets.table(dataset))
    findings = audit_labels(store.current(), committee.held_out_rank, descriptors, n_each=count)
    here.say(
        [asdict(finding) for finding in findings],
        "\n".join(f"{finding.trajectory}  {finding.kind}: {finding.evidence}" for finding in findings)
        or "no label looks wrong",
    )


@click.command()
@click.argument("dataset")
@common_options
def agreement(dataset: str, as_json: bool, workspace: Path | None) -> None:
    """Say how far people agree (Cohen's kappa), and on what they differ."""
    here = session(as_json, workspace)
    judgements = here.datasets.labels(dataset).judgements()
    pairs, open_conflicts = pair_agreements(judgements), conflicts(judgements)
    lines = [f"{pair.first} and {pair.second}: {_kappa_words(pair.kappa)}" for pair in pairs]
    lines += [
        f"trajectory {each.trajectory}: " + ", ".join(f"{j.author} says {j.label}" for j in each.judgements)
        for each in open_conflicts
    ]
    here.say(
        {"pairs": [asdict(pair) for pair in pairs], "conflicts": [asdict(each) for each in open_conflicts]},
        "\n".join(lines) or "no two people have judged the same trajectory",
    )


def _kappa_words(kappa: Kappa) -> str:
    if kappa.kappa is None or kappa.agreement is None:
        return f"{kappa.n} judged by both; {kappa.why_not}"
    interval = f" [{kappa.low:.2f}, {kappa.high:.2f}]" if kappa.low is not None and kappa.high is not None else ""
    return f"{kappa.n} judged by both, {kappa.agreement:.0%} alike, kappa {kappa.kappa:.2f}{interval}"


COMMANDS: tuple[Any, ...] = (queue, audit, agreement)
