"""Rows as a report in Markdown, with what was compared with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from safemil_core.bench.benchmark import AUC_S, Measured
from safemil_core.bench.comparisons import GOOD_AUC
from safemil_core.bench.rows import Number, Row, What

Columns = dict[str, Callable[[Row], str]]

COST = """## Cost update

One update of the cost network. *Reference*: the paper's method as one would write it down, a loop over the H steps of
the window, float32, torch's own settings. *Engine*: training's update, in the settings of a job. *GEMM limit*: the
matrix products of the same pairs alone, without drawing, gathering, activations, loss and optimiser. Of whole
trajectories the engine multiplies each that a bag holds several times only once, while pairs and limit count every one
that was drawn: its share may exceed 100 %."""

DEFAULT = """## Cost update of the defaults

What a run does unless told otherwise: an update of our default network, curves of the observations, beside the
*reference*'s update of the paper's network on bags of the same size. Not the same arithmetic; the same job."""

FETCHED = """## Cost update from data on the host

The engine's update where the data are larger than the device's memory and so stay on the host: what comes next is
gathered there and sent while the device learns. *On the device*: the same update from data that lie there."""

ALTERNATING = """## Alternating update

An update of the cost network and one of the policy. *Reference*: the same cost update, then one policy by the weighted
squared error of a sample at the K H steps of an unlabelled bag, which it scores anew. *Engine*: its cost update, one
update of two policies side by side (safe and plain cloning, 256 steps each), and, every so many updates as in training,
a scoring of all steps. The GEMM limit leaves the scoring out."""

CLONING = """## Cloning update

Behaviour cloning by squared error, batches of 256 pairs, two hidden layers. *Plain loop*: `torch.nn`, AdamW, a
deterministic policy; *mixture loop*: the same with the engine's kind of policy, a mixture of Gaussians, by the error of
a sample. *Engine*: one mixture policy, or two side by side in one update. *d3rlpy*: its BC, a deterministic policy,
without logging."""

AUC = f"""## Seconds to a good cost

On the bundled dataset, the 50 costliest of 359 trajectories marked: seconds of updates, without the looks at the AUC in
between, until the per-step AUC against the true costs first reached {GOOD_AUC}, and until the best that was seen.
*Engine*: the plain network with our settings, to their end. *Reference*: the paper's, cost updates alone, for
{AUC_S:.0f} s."""


def markdown(measured: Measured) -> str:
    """The whole report."""
    about = measured.about
    gpu = f", {about['gpu']}" if "gpu" in about else ""
    head = (
        f"{about['machine']}{gpu}; torch {about['torch']}, {about['threads']} threads by its own choice; load of other "
        f"processes {about['load']}. Updates a second: medians over rounds in which all take turns."
    )
    parts = ["# How fast SafeMIL learns", head]
    for what, (text, columns) in _SECTIONS.items():
        rows = [row for row in measured.rows if row.what == what]
        if rows:
            parts += [text, _table(columns, rows)]
    for device, table in measured.profiles.items():
        parts += [f"## What the engine's cost update spends its time on, {device}", f"```\n{table}\n```"]
    return "\n\n".join(parts)


def _table(columns: Columns, rows: Sequence[Row]) -> str:
    return "\n".join(_lines(columns, rows))


def _lines(columns: Columns, rows: Sequence[Row]) -> Iterator[str]:
    yield _line(columns)
    yield _line(["---"] * len(columns))
    for row in rows:
        yield _line(cell(row) for cell in columns.values())


def _line(cells: Iterator[str] | Sequence[str] | Columns) -> str:
    return f"| {' | '.join(cells)} |"


def _rate(value: Number) -> str:
    """Three digits."""
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _times(value: Number) -> str:
    return "-" if value is None else f"{value:.1f}"


def _percent(value: Number) -> str:
    return "-" if value is None else f"{value:.0%}"


def _ratio(a: Number, b: Number) -> Number:
    return a / b if a is not None and b is not None else None


def _seconds(value: Number) -> str:
    return "not reached" if value is None else f"{value:.2f} s"


def _seen(auc: Number, seconds: Number) -> str:
    return f"{auc:.3f} after {_seconds(seconds)}"


_COMMON: Columns = {"device": lambda row: row.device, "precision": lambda row: row.precision}
_BAGS: Columns = {
    **_COMMON,
    "K": lambda row: str(row.K),
    "H": lambda row: f"full ({row.T})" if row.H == "full" else str(row.H),
    "hidden": lambda row: str(row.hidden),
}
_BESIDE_REFERENCE: Columns = {
    "reference": lambda row: _rate(row.reference_updates_per_s),
    "engine": lambda row: _rate(row.updates_per_s),
    "speedup": lambda row: _times(row.speedup),
}
_BESIDE_PRODUCTS: Columns = {
    "GEMM limit": lambda row: _rate(row.gemm_updates_per_s),
    "share of it": lambda row: _percent(row.gemm_share),
}
_SECTIONS: dict[What, tuple[str, Columns]] = {
    "cost update": (
        COST,
        {**_BAGS, **_BESIDE_REFERENCE, **_BESIDE_PRODUCTS, "pairs/s": lambda row: _rate(row.pairs_per_s)},
    ),
    "default cost update": (DEFAULT, {**_BAGS, **_BESIDE_REFERENCE, "pairs/s": lambda row: _rate(row.pairs_per_s)}),
    "fetched cost update": (
        FETCHED,
        {
            **_BAGS,
            "on the device": lambda row: _rate(row.reference_updates_per_s),
            "from the host": lambda row: _rate(row.updates_per_s),
            "share": lambda row: _percent(row.speedup),
            "pairs/s": lambda row: _rate(row.pairs_per_s),
        },
    ),
    "alternating update": (ALTERNATING, {**_BAGS, **_BESIDE_REFERENCE, **_BESIDE_PRODUCTS}),
    "cloning update": (
        CLONING,
        {
            **_COMMON,
            "policies": lambda row: str(row.policies),
            "engine": lambda row: _rate(row.updates_per_s),
            "plain loop": lambda row: _rate(row.reference_updates_per_s),
            "times": lambda row: _times(row.speedup),
            "mixture loop": lambda row: _rate(row.mixture_loop_updates_per_s),
            "times it": lambda row: _times(_ratio(row.updates_per_s, row.mixture_loop_updates_per_s)),
            "d3rlpy": lambda row: _rate(row.d3rlpy_updates_per_s),
            "times d3rlpy": lambda row: _times(_ratio(row.updates_per_s, row.d3rlpy_updates_per_s)),
            **_BESIDE_PRODUCTS,
        },
    ),
    "time to AUC": (
        AUC,
        {
            "device": lambda row: row.device,
            f"engine, to {GOOD_AUC}": lambda row: _seconds(row.seconds_to_auc),
            f"reference, to {GOOD_AUC}": lambda row: _seconds(row.reference_seconds_to_auc),
            "speedup": lambda row: _times(row.speedup),
            "engine, best": lambda row: _seen(row.best_auc, row.seconds_to_best_auc),
            "reference, best": lambda row: _seen(row.reference_best_auc, row.reference_seconds_to_best_auc),
        },
    ),
}
