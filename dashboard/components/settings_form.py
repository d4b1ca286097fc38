"""The settings of a run as widgets, made from the models in `config`: their bounds, defaults and help texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dashboard import state
from dashboard.telling import callback, show_problem
from dashboard.words import code_span
from safemil_core.config import RunConfig, setting_names, usual_learning_rate
from safemil_core.errors import InvalidConfig

FIRST = (
    "method",
    "cost.updates",
    "cost.bag_size",
    "cost.window",
    "cost.network",
    "cost.sparsity",
    "cost.inputs",
    "cost.aggregator",
    "cost.members",
    "weights.scheme",
    "policy.updates",
    "schedule",
    "seed",
)
"""What a newcomer may want to turn; all else is in the expander."""
OPEN = "settings.open"
"""The key of the expander."""
_SUITED = "settings.suited"
"""For which kind of network and window the step size was chosen."""

WORDS = {
    "cost.updates": "Cost updates",
    "cost.bag_size": "Bag size K",
    "cost.window": "Window H",
    "cost.network": "Kind of cost network",
    "cost.inputs": "What it sees",
    "cost.aggregator": "Score of a bag",
    "cost.members": "Cost networks",
    "cost.settle": "Settled below",
    "cost.sharpness": "Sharpness of log-sum-exp",
    "cost.failure_modes": "Kinds of failure",
    "cost.costly_rate": "Rate of costly unlabelled",
    "cost.preferred_weight": "Weight of preferred labels",
    "policy.updates": "Policy updates",
    "cost.gamma": "Discount gamma",
    "weights.scheme": "Weights of cloning",
    "weights.beta": "Temperature beta",
}
"""Names where the setting's own would not do."""

_LEARNED = ("dwbc_nu", "trex_wbc", "safedice", "osil")
NEEDS = {
    "baseline.learning_rate": ("method", _LEARNED),
    "baseline.updates": ("method", _LEARNED),
    "baseline.batch_size": ("method", _LEARNED),
    "baseline.unsafe_share": ("method", ("dwbc_nu",)),
    "baseline.gradient_penalty": ("method", ("safedice",)),
    "baseline.value_weight": ("method", ("osil",)),
    "baseline.temperature": ("method", ("osil",)),
    "baseline.cost_limit": ("method", ("oracle_bc",)),
    "cost.hidden_sizes": ("cost.network", ("mlp",)),
    "cost.relative_sparsity": ("cost.network", ("additive", "pairwise")),
    "cost.sharpness": ("cost.aggregator", ("log_sum_exp",)),
    "weights.beta": ("weights.scheme", ("trajectory",)),
    "weights.threshold": ("weights.scheme", ("threshold",)),
    "weights.per_length": ("weights.scheme", ("trajectory", "threshold")),
}
"""Settings that have an effect only where another one has one of these values; else they are greyed out."""


def presets() -> None:
    """Buttons that fill the whole form."""
    st.button("Our defaults", on_click=prefill, args=(RunConfig(),))
    st.button(
        "The paper's plain network",
        on_click=prefill,
        args=(RunConfig.plain(),),
        help="A perceptron that sees everything, and steps weighed by 1 - c (Eq. 14): to compare with, in seconds.",
    )
    st.button(
        "The paper's values",
        on_click=prefill,
        args=(RunConfig.paper(),),
        help="1,000,000 updates of large windows: hours even on a GPU.",
    )


def settings_form() -> RunConfig | None:
    """Let the user choose the settings of a run; None, with the reason shown, while they make no sense."""
    for name in setting_names():
        if state.widget_value(_key(name)) is None:
            state.set_widget_value(_key(name), _shown(RunConfig().value_of(name)))
    _suit_learning_rate()
    _widgets(FIRST)
    # Made once it is opened: some fifty widgets, which a browser would draw whenever the page runs.
    further = st.expander("All settings", key=OPEN, on_change="rerun")
    if further.open:
        with further:
            _further_widgets()
    elif changed := _changed_further():
        st.caption(f"Changed in all settings: {', '.join(map(code_span, changed))}")
    try:
        return _chosen()
    except InvalidConfig as problem:
        show_problem(problem)
        return None


@callback
def prefill(config: RunConfig) -> None:
    """Let the form show these settings: for callbacks, here or on another page."""
    for name in setting_names():
        state.set_widget_value(_key(name), _shown(config.value_of(name)))
    state.remember(_SUITED, (config.cost.network, config.cost.window))


def _suit_learning_rate() -> None:
    """Where another kind of network or window has been chosen, the usual step size goes with it; one of the user's own
    stays."""
    chosen = state.widget_value(_key("cost.network")), state.widget_value(_key("cost.window"))
    suited, key = state.recall(_SUITED, chosen), _key("cost.learning_rate")
    state.remember(_SUITED, chosen)
    usual = usual_learning_rate(*chosen)
    if state.widget_value(key) == usual_learning_rate(*suited) != usual:
        state.set_widget_value(key, usual)


def _further_widgets() -> None:
    for section in dict.fromkeys(_section(name) for name in setting_names()):
        st.markdown(f"**{section.capitalize() or 'Run'}**")
        _widgets([name for name in setting_names() if _section(name) == section and name not in FIRST])


def _changed_further() -> list[str]:
    """Settings in the expander that are not at their defaults, as `name=value`."""
    shown = {name: state.widget_value(_key(name)) for name in setting_names() if name not in FIRST}
    return [f"{name}={value}" for name, value in shown.items() if value != _shown(RunConfig().value_of(name))]


def _widgets(names: Sequence[str]) -> None:
    for first in range(0, len(names), 3):
        columns = st.columns(3, vertical_alignment="top")
        for column, name in zip(columns, names[first : first + 3], strict=False):
            with column:
                _widget(name)


def _widget(name: str) -> None:
    """One setting as the widget that suits its type; its value is in the session under the setting's key."""
    field, default = _field(name), RunConfig().value_of(name)
    words = WORDS.get(name, name.rpartition(".")[2].replace("_", " ").capitalize())
    about: dict[str, Any] = {"key": _key(name), "help": field.description, "persist_state": "session"}
    other, values = NEEDS.get(name, ("", ()))
    about["disabled"] = bool(other) and state.widget_value(_key(other)) not in values
    if get_origin(field.annotation) is Literal:
        options = get_args(field.annotation)
        about["format_func"] = lambda option: option.replace("_", " ")
        if len(options) > 3:
            st.selectbox(words, options, **about)
        else:
            st.segmented_control(words, options, required=True, **about)
    elif isinstance(default, bool):
        st.toggle(words, **about)
    elif isinstance(default, tuple):
        st.text_input(words, **about, placeholder="256, 256")
    elif isinstance(default, int):
        st.number_input(words, **_bounds(field, int), step=_step(default), **about)
    else:
        st.number_input(words, **_bounds(field, float), step=_step(default), format="%g", **about)


def _chosen() -> RunConfig:
    values: dict[str, Any] = {}
    for name in setting_names():
        section, _, key = name.rpartition(".")
        shown = state.widget_value(_key(name))
        is_widths = isinstance(RunConfig().value_of(name), tuple)
        (values.setdefault(section, {}) if section else values)[key] = _widths(name, shown) if is_widths else shown
    return RunConfig(**values)


def _widths(name: str, text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise InvalidConfig(f"{name} must be widths like 256, 256, got {text!r}")
    return tuple(int(part) for part in parts)


def _shown(value: Any) -> Any:
    return ", ".join(str(width) for width in value) if isinstance(value, tuple) else value


def _section(name: str) -> str:
    return name.rpartition(".")[0]


def _key(name: str) -> str:
    return f"settings.{name}"


def _field(name: str) -> FieldInfo:
    section, _, key = name.rpartition(".")
    model: type[BaseModel] = type(getattr(RunConfig(), section)) if section else RunConfig
    return model.model_fields[key]


def _bounds(field: FieldInfo, kind: type) -> dict[str, Any]:
    """The range that the model allows; an open bound is offered too, and refused in words when chosen."""
    low = [bound for rule in field.metadata for bound in (getattr(rule, "ge", None), getattr(rule, "gt", None))]
    high = [bound for rule in field.metadata for bound in (getattr(rule, "le", None), getattr(rule, "lt", None))]
    return {
        "min_value": next((kind(bound) for bound in low if bound is not None), None),
        "max_value": next((kind(bound) for bound in high if bound is not None), None),
    }


def _step(default: float) -> Any:
    """A step that changes the default by a tenth of its order of magnitude or so."""
    if isinstance(default, int):
        return max(1, 10 ** (len(str(default)) - 2)) if default >= 100 else 1
    return 0.01 if default == 0 else 10.0 ** math.floor(math.log10(abs(default)) - (default == 1))
