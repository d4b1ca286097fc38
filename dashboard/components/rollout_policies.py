"""Which policies play: those of the run, and those of other runs beside them; what each is called and drawn in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import resources
from dashboard.charts_theme import POLICY_LOOKS, Look, run_style
from dashboard.components.run_names import distinct_names
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run


def beside_picker(info: DatasetInfo, run: Run) -> list[Run]:
    """Choose other runs of the dataset that have cloned their policies; nothing where there are none."""
    others = {it.id: it for it in resources.runs().list(info.id) if it.id != run.id and it.has_policies}
    if not others:
        return []
    names = _names(info)
    played = [name for name in run.evaluation.get("policies", {}) if name in others]
    chosen = st.multiselect(
        "Beside them, the policies of other runs",
        list(others),
        default=played,
        format_func=names.__getitem__,
        placeholder="None: the safe policy and plain cloning alone",
        help="Of each the policy that its method made; all play the same episodes.",
        key=f"rollouts.beside.{run.id}",
    )
    return [others[run_id] for run_id in chosen]


def looks(info: DatasetInfo, evaluation: Mapping[str, Any]) -> dict[str, Look]:
    """Of every policy of an evaluation; of a run that was deleted since, its id."""
    names = _names(info)
    numbers = {run: number for number, run in enumerate(reversed(names))}
    return {
        policy: POLICY_LOOKS.get(policy)
        or Look(names.get(policy, policy), run_style(numbers.get(policy, len(numbers))).colour)
        for policy in evaluation["policies"]
    }


def words(drawn: Mapping[str, Look]) -> dict[str, str]:
    """What the policies are called where a name begins with a capital letter."""
    return {key: look.words[:1].upper() + look.words[1:] for key, look in drawn.items()}


def _names(info: DatasetInfo) -> dict[str, str]:
    """Of every run of the dataset, newest first."""
    return distinct_names(resources.runs().list(info.id), resources.run_notes().all())
