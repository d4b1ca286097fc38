"""A run as one HTML file to keep or to send: what it is made from, how it learned, and what came out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard import charts_live, charts_report, charts_rollout, charts_run, evaluation_tables, report_page
from dashboard.charts_doctor import evidence_figure
from dashboard.charts_theme import LABEL_WORDS, POLICY_WORDS
from dashboard.columns import TRUTH_METRICS
from dashboard.words import moment
from safemil_core.assessment import histograms, rasters, weight_report
from safemil_core.assessment.preferred_share import SURE, least_share, preferred_in_bag, recommended_bag_size
from safemil_core.assessment.state_axes import Axis
from safemil_core.assessment.state_maps import cell_sums, state_map
from safemil_core.clock import duration
from safemil_core.config import RunConfig, setting_names
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LABELS
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.learning.weights import effective_sample_size
from safemil_core.running.doctor_results import read_findings
from safemil_core.running.health import told
from safemil_core.running.run_folder import POLICIES, Run
from safemil_core.running.run_notes import RunNote

N_CELLS = 40
"""Along an axis of the map."""
N_ROWS, N_COLUMNS = 300, 240
"""Of the picture over time."""
ALPHAS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02)


@dataclass(frozen=True)
class Reported:
    """A run with what a report says of it beside its own folder."""

    run: Run
    note: RunNote
    info: DatasetInfo
    trajectories: TrajectorySet
    """Without rewards and costs where these are hidden."""
    shows_truth: bool
    """Whether how well it agrees with the true costs is told."""


def report(about: Reported) -> str:
    """The whole document. Raises NotReady while the costs are not learned."""
    run, info = about.run, about.run.info
    title = about.note.name or f"Run {run.id}"
    costs, table = run.step_costs(), run.trajectories()
    below = f"{run.id} · dataset {info.dataset} · by {info.author} · {moment(info.created_at)}"
    parts = [
        report_page.heading(title, below),
        *([report_page.sentence(about.note.text)] if about.note.text else []),
        _outcome(about, table),
        _doctor(about),
        _made_from(about),
        _learning(run),
        _over_the_state(about, costs),
        _over_time(about, costs, table),
        _weights(table),
        _bags(run.known_config),
        _evaluation(run),
        report_page.sentence("Rewards and true costs of the dataset take no part in training."),
    ]
    return report_page.page(f"SafeMIL: {title}", parts)


def _outcome(about: Reported, table: pd.DataFrame) -> str:
    outcome, info = about.run.outcome, about.run.info
    values = [
        ("trajectories", f"{len(table):,}"),
        ("marked non-preferred", f"{info.n_non_preferred:,}"),
        ("effective trajectories", f"{effective_sample_size(table['weight'].to_numpy()):.1f}"),
    ]
    if outcome:
        values.append(("trained in", duration(outcome["seconds"])))
        known = {words: outcome[key] for key, words in TRUTH_METRICS.items() if about.shows_truth}
        values += [(words, f"{value:.3f}") for words, value in known.items() if value is not None]
    policies = about.run.evaluation.get("policies")
    if policies:
        values.append(("return of the safe policy", f"{policies['safe']['return']['mean']:.1f}"))
        values.append(("its cost", f"{policies['safe']['cost']['mean']:.1f}"))
    return report_page.section("What came out", report_page.tiles(values))


def _doctor(about: Reported) -> str:
    found = read_findings(about.run)
    if found is None:
        return ""
    findings = told(found, shows_truth=about.shows_truth)
    said = "What is wrong with the run, the most harmful first: evidence, probable cause, cure."
    if not findings:
        return report_page.section("Doctor", report_page.sentence("Nothing was found to be wrong."), about=said)
    rows = pd.DataFrame(
        [
            {
                "finding": finding.title,
                "evidence": finding.evidence,
                "probable cause": finding.why,
                "cure": " ".join([finding.cure, *finding.settings]),
            }
            for finding in findings
        ]
    )
    figures = [(evidence_figure(each.figure), each.title) for each in findings if each.figure is not None]
    return report_page.section("Doctor", report_page.table(rows), report_page.charts(figures, 100), about=said)


def _made_from(about: Reported) -> str:
    info, config = about.run.info, about.run.known_config
    facts = {
        "dataset": f"{info.dataset}, content {info.dataset_id}",
        "size": f"{about.info.n_trajectories:,} trajectories, {about.info.n_steps:,} steps, "
        f"{about.info.n_observations} observation and {about.info.n_actions} action dimensions",
        "environment": about.info.env_id or "not named",
        "labels": f"after action {info.label_snapshot}: {info.n_non_preferred} non-preferred, "
        f"{info.n_preferred} preferred",
        "begins with": f"the cost network of run {info.warm_start}" if info.warm_start else "new networks",
        "seed": "unknown" if config is None else str(config.seed),
        **{f"version of {name}": version for name, version in info.versions.items()},
        "code": info.code,
        "machine": info.machine,
        "device": info.device,
    }
    known = pd.DataFrame([(name, value) for name, value in facts.items() if value], columns=["what", "is"])
    parts = [report_page.table(known), "<h3>Settings that are not the defaults</h3>", _settings(config)]
    return report_page.section("What it is made from", *parts, about="Enough to make it again.")


def _settings(config: RunConfig | None) -> str:
    if config is None:
        return report_page.sentence("They are of another version, which knew others.")
    usual = RunConfig()
    rows = [
        (name, str(config.value_of(name)), str(usual.value_of(name)))
        for name in setting_names()
        if config.value_of(name) != usual.value_of(name)
    ]
    if not rows:
        return report_page.sentence("None.")
    return report_page.table(pd.DataFrame(rows, columns=["setting", "here", "default"]))


def _learning(run: Run) -> str:
    metrics = run.metrics()
    if len(metrics) < 2:
        return ""
    panels = [panel for panel in charts_live.panels(metrics) if panel.curves]
    figures = [(charts_report.curve_panel(panel), panel.title) for panel in panels]
    return report_page.section("How it learned", report_page.charts(figures), about="Does it learn, and to the end?")


def _over_the_state(about: Reported, costs: np.ndarray) -> str:
    places = about.trajectories.coordinates
    if places.shape[1] < 2:
        return ""
    x, y = (Axis.of(np.array(places[:, dimension])) for dimension in (0, 1))
    edges = x.edges(N_CELLS), y.edges(N_CELLS)
    names = about.info.coordinate_names[0], about.info.coordinate_names[1]
    learned = state_map(cell_sums(costs, x, y).coarser(N_CELLS), "mean")
    figures = [(charts_report.state_map(learned, edges, names, "learned"), "Mean learned cost")]
    if about.trajectories.costs is not None:
        true = state_map(cell_sums(about.trajectories.costs, x, y).coarser(N_CELLS), "mean")
        figures.append((charts_report.state_map(true, edges, names, "true"), "Mean true cost (hidden truth)"))
    said = f"Over the first two dimensions of the state, {names[0]} and {names[1]}: where is it dangerous?"
    return report_page.section("Cost over the state", report_page.charts(figures, 10), about=said)


def _over_time(about: Reported, costs: np.ndarray, table: pd.DataFrame) -> str:
    labels, offsets = table["label"].to_numpy(str), about.trajectories.offsets
    groups = np.array([LABELS.index(label) for label in labels])
    order = rasters.row_order(table["cost_sum"].to_numpy(), groups, is_descending=True)
    layout = rasters.Layout(order, np.zeros(len(order), dtype=np.int64), offsets)
    highest = float(costs.max())
    picture = rasters.picture(
        rasters.levels(costs.astype(np.float32), highest),
        layout,
        rasters.Window((0, len(order)), layout.times),
        most_rows=N_ROWS,
        most_columns=N_COLUMNS,
    )
    figure = charts_report.cost_over_time(picture, labels[order], highest)
    said = "All trajectories, one row each, by label and then by cost, the costliest on top: when is it dangerous?"
    return report_page.section("Cost over time", report_page.charts([(figure, "Learned cost")], 20), about=said)


def _weights(table: pd.DataFrame) -> str:
    labels = table["label"].to_numpy(str)
    costs, weights, lengths = (table[name].to_numpy() for name in ("cost_sum", "weight", "length"))
    figures = [
        (_histogram(costs, labels, "trajectory cost C"), "Trajectory cost by label"),
        (_histogram(weights, labels, "weight"), "Weight by label"),
    ]
    found = weight_report.by_label(labels, costs, weights, lengths)
    summary = pd.DataFrame(
        {
            "label": found["label"].map(LABEL_WORDS),
            "trajectories": found["trajectories"],
            "mean cost C": found["mean_cost"].map("{:.2f}".format),
            "mean weight": found["mean_weight"].map("{:.3f}".format),
            "of all weight": found["share"].map("{:.1%}".format),
        }
    )
    said = "Who is imitated, how much? Non-preferred trajectories never are."
    return report_page.section(
        "Costs and weights", report_page.charts(figures, 30), report_page.table(summary), about=said
    )


def _histogram(values: np.ndarray, labels: np.ndarray, title: str) -> go.Figure:
    edges, counts = histograms.histogram_by_label(values, labels, N_CELLS)
    return charts_run.histogram(edges, counts, title)


def _bags(config: RunConfig | None) -> str:
    if config is None:
        return ""
    size = config.cost.bag_size
    words = (
        f"This run has K = {size} trajectories a bag. A bag of unlabelled ones then holds a preferred one with "
        f"{SURE:.0%} probability if at least {least_share(size):.1%} of the unlabelled are preferred."
    )
    rows = [(f"{alpha:.0%}", recommended_bag_size(alpha), f"{preferred_in_bag(alpha, size):.1%}") for alpha in ALPHAS]
    columns = ["preferred among the unlabelled (alpha)", "K that Lemma 1 asks for", f"probability with K = {size}"]
    table = report_page.table(pd.DataFrame(rows, columns=columns))
    return report_page.section("Bags", report_page.sentence(words), table, about="Is K large enough?")


def _evaluation(run: Run) -> str:
    evaluation = run.evaluation
    if not evaluation:
        return report_page.section("Rollouts", report_page.sentence("Its policies have not been rolled out."))
    played = [
        evaluation_tables.one_episode(evaluation, number).assign(episode=number)
        for number in range(evaluation["episodes"])
    ]
    episodes = pd.concat(played).sort_values(["policy", "episode"])[["policy", "episode", "return", "cost", "length"]]
    return report_page.section(
        "Rollouts",
        report_page.sentence(evaluation_tables.headline(evaluation).replace("**", "")),
        report_page.table(evaluation_tables.metrics(evaluation)),
        report_page.table(evaluation_tables.comparisons(evaluation)),
        report_page.charts([(charts_rollout.episodes(evaluation), "Return over cost of every episode")], 40),
        *(
            report_page.film(run.film(policy, 0).read_bytes(), f"The first episode, {POLICY_WORDS[policy]}")
            for policy in POLICIES
            if run.film(policy, 0).exists()
        ),
        "<h3>Episodes</h3>",
        report_page.table(episodes),
        about=f"Both policies from the same {evaluation['episodes']} starts in {evaluation['env_id']}; means with "
        "95 % bootstrap intervals.",
    )
