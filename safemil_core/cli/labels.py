"""Commands for labels: mark, look back, name a state, move the whole history. Not what to look at (`review`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from safemil_core.assessment.summaries import example_marks
from safemil_core.cli.session import Session, common_options, session
from safemil_core.data.labels.files import LabelFile, ledger_lines, parse_csv, parse_ledger, parse_numbers
from safemil_core.data.labels.store import Label, LabelStore, default_author
from safemil_core.errors import InvalidLabels, NotFound
from safemil_core.workspace import whole_file

_AUTHOR = click.option("--author", default=default_author, help="Who says so; your account's name if not given.")


@click.command()
@click.argument("dataset")
@click.option("--non-preferred", metavar="NUMBERS", help="Trajectories to mark, for example 3,17,40-60.")
@click.option("--preferred", metavar="NUMBERS", help="Trajectories to mark as trusted good.")
@click.option("--unsure", metavar="NUMBERS", help="Trajectories that somebody looked at and could not judge.")
@click.option("--clear", metavar="NUMBERS", help="Trajectories to take the mark from.")
@click.option("--segment", metavar="T:FIRST-LAST", help="Steps at which a trajectory went wrong; marks it, too.")
@click.option("--tag", metavar="TAG=NUMBERS", help="Put trajectories under a tag.")
@click.option("--untag", metavar="TAG=NUMBERS", help="Take trajectories out of a tag.")
@click.option("--from", "table", type=click.Path(path_type=Path), help="CSV file with columns trajectory,label.")
@click.option("--example", is_flag=True, help="Mark up to 50 of the highest true cost as non-preferred.")
@click.option("--undo", is_flag=True, help="Take back your last action.")
@click.option("--redo", is_flag=True, help="Let what you took back last stand again.")
@click.option("--reason", default="", help="A code of your own vocabulary, kept with the labels.")
@click.option("--note", default="", help="Why; kept with the labels.")
@_AUTHOR
@common_options
def label(
    dataset: str,
    non_preferred: str | None,
    preferred: str | None,
    unsure: str | None,
    clear: str | None,
    segment: str | None,
    tag: str | None,
    untag: str | None,
    table: Path | None,
    example: bool,
    undo: bool,
    redo: bool,
    reason: str,
    note: str,
    author: str,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Mark trajectories of a dataset; one command is one action, and `--undo` takes one back."""
    here = session(as_json, workspace)
    store = here.datasets.labels(dataset)
    marks = _marks(
        ("--non-preferred", non_preferred, "non_preferred"),
        ("--preferred", preferred, "preferred"),
        ("--unsure", unsure, "unsure"),
        ("--clear", clear, "none"),
    )
    actions = {
        "marks": marks, "--example": example, "--from": table, "--segment": segment, "--tag": tag, "--untag": untag,
        "--undo": undo, "--redo": redo,
    }  # fmt: skip
    _require_one(actions, reason, note)
    if undo or redo:
        _go_back(store, dataset, author, is_redone=redo)
    elif segment:
        trajectory, first, last = _segment(segment)
        steps = here.datasets.table(dataset)["length"]
        n_steps = int(steps.iloc[trajectory]) if trajectory < len(steps) else 0
        store.mark_segment(trajectory, first, last, n_steps=n_steps, author=author, reason=reason, note=note)
    elif tag or untag:
        name, members = _tag(tag or untag or "")
        store.tag(members, name, author=author, on=bool(tag), note=note)
    elif table:
        lengths = here.datasets.table(dataset)["length"].to_numpy()
        said = vars(_read(table, parse_csv))
        store.bring_in(**said, lengths=lengths, author=author, note=note or table.name, origin="file")
    elif example:
        costliest = example_marks(here.datasets.table(dataset))
        store.mark(costliest, "non_preferred", author=author, note=note, reason=reason, origin="example")
    else:
        store.mark_each(marks, author=author, note=note, reason=reason)
    _say_counts(here, dataset, store)


@click.command()
@click.argument("dataset")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 2**62), help="How many actions.")
@click.option("--since", type=click.IntRange(0, 2**62), help="Also what differs now from how it was after this action.")
@common_options
def history(dataset: str, last: int, since: int | None, as_json: bool, workspace: Path | None) -> None:
    """List what was done to the labels of a dataset, newest first."""
    here = session(as_json, workspace)
    store = here.datasets.labels(dataset)
    actions = store.history(limit=last)
    changes = [] if since is None else store.diff(since)
    lines = [
        f"{action.id}  {action.at[:16]}  {action.author}  {action.origin}  {action.n_trajectories} trajectories"
        + (f"  {action.reason}" if action.reason else "")
        + (f"  {action.note}" if action.note else "")
        for action in actions
    ]
    lines += [f"changed: {c.trajectory} {c.aspect}: {c.before} -> {c.after} by {c.author}" for c in changes]
    result: Any = [asdict(action) for action in actions]
    if since is not None:
        result = {"actions": result, "changes": [asdict(change) for change in changes]}
    here.say(result, "\n".join(lines) or "nothing has been labelled yet")


@click.command()
@click.argument("dataset")
@click.argument("name", required=False)
@_AUTHOR
@common_options
def snapshot(dataset: str, name: str | None, author: str, as_json: bool, workspace: Path | None) -> None:
    """Give the present labels a name, or without one list the names."""
    here = session(as_json, workspace)
    store = here.datasets.labels(dataset)
    if name is not None:
        store.save_snapshot(name, author=author)
    snapshots = store.snapshots()
    here.say(
        [asdict(each) for each in snapshots],
        "\n".join(f"{each.name}: after action {each.action}, {each.author}, {each.at[:16]}" for each in snapshots)
        or "no state has a name yet; `safemil snapshot DATASET NAME` gives one",
    )


@click.command()
@click.argument("dataset")
@click.option("--out", type=click.Path(path_type=Path), help="JSON lines file to write.")
@click.option("--from", "source", type=click.Path(path_type=Path), help="JSON lines file to take over as one action.")
@_AUTHOR
@common_options
def ledger(
    dataset: str, out: Path | None, source: Path | None, author: str, as_json: bool, workspace: Path | None
) -> None:
    """Write the whole history of labels as JSON lines, or take one over."""
    here = session(as_json, workspace)
    store = here.datasets.labels(dataset)
    if (out is None) == (source is None):
        raise InvalidLabels("give either --out or --from")
    if source is not None:
        said = vars(_read(source, lambda content: parse_ledger(content, store.dataset_id)))
        lengths = here.datasets.table(dataset)["length"].to_numpy()
        store.bring_in(**said, lengths=lengths, author=author, note=source.name, origin="file")
        _say_counts(here, dataset, store)
        return
    assert out is not None
    with whole_file(out.absolute()) as temporary:
        temporary.write_text("".join(ledger_lines(store)))
    here.say({"dataset": dataset, "out": str(out)}, str(out))


def _say_counts(here: Session, dataset: str, store: LabelStore) -> None:
    labels = store.current()
    words = ("non_preferred", "preferred", "unsure", "none")
    counts = {word: int((labels == word).sum()) for word in words}
    unsure = f"{counts['unsure']} unsure, " if counts["unsure"] else ""
    here.say(
        {"dataset": dataset, "action": store.latest(), **counts},
        f"{dataset}: {counts['non_preferred']} non-preferred, {counts['preferred']} preferred, {unsure}"
        f"{counts['none']} unlabelled",
    )


def _read(path: Path, parse: Callable[[bytes], LabelFile]) -> LabelFile:
    if not path.is_file():
        raise NotFound(f"{path}: there is no such file")
    try:
        return parse(path.read_bytes())
    except InvalidLabels as problem:
        raise InvalidLabels(f"{path.name}: {problem}") from None


def _marks(*given: tuple[str, str | None, Label]) -> dict[int, Label]:
    """The label of each trajectory, of options with their numbers and the label that they mean."""
    options: dict[int, str] = {}
    marks: dict[int, Label] = {}
    for option, numbers, word in given:
        for number in parse_numbers(numbers or ""):
            if number in marks:
                raise InvalidLabels(f"trajectory {number} is in {options[number]} and in {option}; give it one label")
            options[number], marks[number] = option, word
    return marks


def _require_one(actions: Mapping[str, object], reason: str, note: str) -> None:
    """Refuse more than one action, by the options that give them, and words that the one does not keep."""
    given = {option for option, value in actions.items() if value}
    if len(given) > 1:
        raise InvalidLabels(f"{', '.join(actions)} are an action each; give one of them")
    if reason and given & {"--from", "--tag", "--untag", "--undo", "--redo"}:
        raise InvalidLabels("a --reason is kept with labels and segments alone; leave it out here")
    if note and given & {"--undo", "--redo"}:
        raise InvalidLabels("a --note is not kept with --undo and --redo; leave it out here")


def _go_back(store: LabelStore, dataset: str, author: str, *, is_redone: bool) -> None:
    """Take back the author's last action, or let what was taken back stand again."""
    done = store.redo(author=author) if is_redone else store.undo(author=author)
    if done is None:
        raise InvalidLabels(f"{author} has no action on {dataset!r} to {'bring back' if is_redone else 'take back'}")


def _segment(text: str) -> tuple[int, int, int]:
    trajectory, _, span = text.partition(":")
    first, _, last = span.partition("-")
    if not all(part.isdecimal() and len(part) < 18 for part in (trajectory, first, last)):
        raise InvalidLabels(f"{text!r} is not a segment; write it like 17:120-180")
    return int(trajectory), int(first), int(last)


def _tag(text: str) -> tuple[str, list[int]]:
    name, equals, numbers = text.partition("=")
    if not equals:
        raise InvalidLabels(f"{text!r} names no trajectories; write it like fell=3,17")
    return name.strip(), parse_numbers(numbers)


COMMANDS: tuple[Any, ...] = (label, history, snapshot, ledger)
