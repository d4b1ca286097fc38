"""A dataset's card in Markdown: who, what, how labelled, hashes, known limits. Its head suits the Hugging Face Hub."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np

from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.labels.store import LabelStore
from safemil_core.data.recording import Part


def card(datasets: DatasetStore, name: str) -> str:
    """The card of a dataset as it and its labels are now.

    Raises:
        NotFound: there is no dataset of that name.
    """
    info, labels = datasets.info(name), datasets.labels(name)
    sections = (
        ("What it holds", _contents(datasets, info)),
        ("Where it comes from", _origin(info)),
        ("How it is labelled", _labelling(labels)),
        ("Known limits", _limits(info, labels)),
        ("Content", _hashes(info)),
    )
    body = "\n\n".join(f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines) for title, lines in sections)
    return f"{_head(info)}\n# {name}\n\n{body}\n"


def _head(info: DatasetInfo) -> str:
    """YAML front matter; JSON's strings are YAML's."""
    licence = info.facts.get("license")
    lines = [f"pretty_name: {json.dumps(info.name)}", "task_categories: [reinforcement-learning, robotics]"]
    lines += [f"license: {json.dumps(licence)}"] if licence else []
    lines += ["tags: [offline-rl, safe-imitation-learning, safemil]"]
    return "---\n" + "\n".join(lines) + "\n---"


def _contents(datasets: DatasetStore, info: DatasetInfo) -> list[str]:
    lengths = datasets.table(info.name)["length"]
    known = [word for has, word in ((info.has_rewards, "rewards"), (info.has_costs, "true costs")) if has]
    return [
        f"{info.n_trajectories} trajectories, {info.n_steps} steps; "
        f"{int(lengths.min())} to {int(lengths.max())} steps each",
        f"observation: {info.n_observations} numbers{_parts(info.observations)}",
        f"action: {info.n_actions} numbers{_parts(info.actions)}",
        *(f"image {_code(part.name)}: {'x'.join(map(str, part.shape))}, uint8" for part in info.images),
        f"{' and '.join(known)} are known; training never sees them" if known else "no rewards, no true costs",
        f"environment: {_code(info.env_id) if info.env_id else 'not named'}",
    ]


def _parts(parts: tuple[Part, ...]) -> str:
    named = [f"{_code(part.name)} ({part.size})" for part in parts if part.name]
    choices = [f"one of {part.n_choices}" for part in parts if part.n_choices]
    words = [*(["of " + ", ".join(named)] if named else []), *choices]
    return f" ({'; '.join(words)})" if words else ""


def _origin(info: DatasetInfo) -> list[str]:
    lines = [f"{_code(info.source)}, {info.format}, imported {info.imported_at[:10]} by {_code(info.author)}"]
    lines += [f"version of {_code(parent.name)} (content {parent.id}): {_plain(parent.how)}" for parent in info.parents]
    lines += [f"{_plain(key)}: {_plain(value)}" for key, value in sorted(info.facts.items())]
    return lines


def _labelling(labels: LabelStore) -> list[str]:
    state, history = labels.state(), labels.history()
    if not history:
        return ["nothing is labelled"]
    counts = Counter(state.labels.tolist())
    reasons = Counter(reason for reason in state.reasons.tolist() if reason)
    authors = Counter(author for author, label in zip(state.authors.tolist(), state.labels.tolist(), strict=True)
                      if label != "none")  # fmt: skip
    lines = [
        ", ".join(f"{counts[word]} {word.replace('_', '-')}" for word in ("non_preferred", "preferred", "unsure"))
        + f", {counts['none']} without a label",
        f"{len(history)} actions from {history[-1].at[:10]} to {history[0].at[:10]}, state {labels.latest()}",
    ]
    lines += ["labelled by " + ", ".join(f"{_code(who)} ({n})" for who, n in authors.most_common())] if authors else []
    lines += ["reasons: " + ", ".join(f"{_code(why)} ({n})" for why, n in reasons.most_common())] if reasons else []
    n_segments = sum(len(spans) for spans in state.segments.values())
    lines += [f"{n_segments} segments marked as where it went wrong"] if n_segments else []
    lines += ["tags: " + ", ".join(f"{_code(tag)} ({len(m)})" for tag, m in state.tags.items())] if state.tags else []
    return lines


def _limits(info: DatasetInfo, labels: LabelStore) -> list[str]:
    lines = [_plain(note) for note in info.notes]
    state = labels.state()
    marked = int((state.labels == "non_preferred").sum())
    if marked and len(set(state.authors[state.labels == "non_preferred"].tolist())) == 1:
        lines.append("all non-preferred marks are one person's; agreement is not measured")
    if not np.isin(state.labels, ["preferred"]).any():
        lines.append("no trajectory is confirmed as preferred, so the share of preferred ones is not estimated")
    if not info.has_costs:
        lines.append("without true costs, what is learned from it cannot be checked against the truth")
    return lines or ["none is known"]


def _hashes(info: DatasetInfo) -> list[str]:
    return [f"content {_code(info.id)}: the first 16 digits of the SHA-256 over all arrays"]


def _code(text: object) -> str:
    return f"`{_plain(text)}`"


def _plain(text: object) -> str:
    """One line that is no Markdown or HTML of its own, whatever a file gave."""
    flat = " ".join(str(text).replace("`", "'").split())
    return flat.replace("<", "‹").replace(">", "›").replace("[", "(").replace("]", ")")
