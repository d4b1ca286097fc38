"""A small dataset and runs in every state, written as the pipeline would write them, without training anything."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from factories import build_here
from streamlit.testing.v1 import AppTest

from dashboard.components import settings_form
from safemil_core.assessment.comparisons import compare_all
from safemil_core.assessment.doctor.while_training import diagnose
from safemil_core.assessment.label_curve import CurvePoint, LabelCurve
from safemil_core.assessment.rollouts import Episode
from safemil_core.assessment.what_if import edited
from safemil_core.config import CostConfig, PolicyConfig, RunConfig, WeightConfig
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.trajectories import Trajectory
from safemil_core.learning.model_files import save_cost
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.weights import cloning_weights, trajectory_costs
from safemil_core.running.doctor_results import write_findings
from safemil_core.running.job_store import JobState, JobStore
from safemil_core.running.label_curves import curve_file, write_curve
from safemil_core.running.progress import Progress, process_birth, write_progress
from safemil_core.running.rollout_records import write_rollouts
from safemil_core.running.run_folder import Run
from safemil_core.running.runs import RunStore
from safemil_core.running.tasks import Task
from safemil_core.running.what_ifs import Refits, WhatIfs
from safemil_core.workspace import Workspace

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
N, T = 24, 40
CONFIG = RunConfig(
    cost=CostConfig(bag_size=64, window=1, updates=500),
    weights=WeightConfig(scheme="trajectory", beta=2.0),
    policy=PolicyConfig(updates=1_000),
    seed=3,
)


def store(workspace: Workspace) -> DatasetStore:
    return DatasetStore.of(workspace)


def add_dataset(
    workspace: Workspace,
    name: str = "walks",
    *,
    n: int = N,
    length: int = T,
    has_truth: bool = True,
    env_id: str | None = "SafetyCarCircle-v0",
    ends: Sequence[int] = (),
) -> DatasetInfo:
    """`n` random walks in two positions and two velocities; unsafe where |x| > 0.6, which faster walks reach. More of
    them, and shorter ones, where further steps (of all) are `ends` too."""
    rng = np.random.default_rng(7)
    speeds = np.repeat(np.linspace(0.02, 0.12, n), length)[:, None]
    velocities = (speeds * rng.normal(size=(n * length, 2))).astype(np.float32)
    positions = velocities.reshape(n, length, 2).cumsum(axis=1).reshape(-1, 2).astype(np.float32)
    observations = np.concatenate([positions, velocities], axis=1)
    arrays = {
        "observations": observations,
        "next_observations": np.roll(observations, -1, axis=0),
        "actions": velocities,
        "terminals": np.zeros(n * length, dtype=bool),
        "timeouts": (np.arange(n * length) % length == length - 1) | np.isin(np.arange(n * length), ends),
    }
    if has_truth:
        arrays["rewards"] = np.abs(velocities).sum(axis=1)
        arrays["costs"] = (np.abs(positions[:, 0]) > 0.6).astype(np.float32)
    path = workspace.uploads / f"{name}.hdf5"
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file[key] = values
    datasets = DatasetStore.of(workspace, build_here)
    info = datasets.add(path, name=name, env_id=env_id)
    path.unlink()
    return info


def mark_costliest(workspace: Workspace, info: DatasetInfo, n: int = 4) -> None:
    store(workspace).labels(info.name).mark(
        range(info.n_trajectories - n, info.n_trajectories), "non_preferred", author="ann", origin="example"
    )


def new_run(workspace: Workspace, info: DatasetInfo, config: RunConfig = CONFIG) -> Run:
    return RunStore(workspace).create(info, store(workspace).labels(info.name), config, author="ann")


def metrics_table(n_rows: int = 20, *, is_collapsed: bool = False) -> pd.DataFrame:
    updates = np.arange(1, n_rows + 1) * 25
    falling = np.exp(-updates / 200)
    flat = np.log(2) + 0.001 * np.cos(updates)
    wiggle = 0.01 * np.cos(updates)
    return pd.DataFrame(
        {
            "update": updates,
            "seconds": updates / 100,
            "cost_loss": flat if is_collapsed else 0.1 + 0.59 * falling,
            "score_non_preferred": 0.5 + wiggle if is_collapsed else 0.5 + 0.3 * (1 - falling),
            "score_unlabelled": 0.5 - wiggle if is_collapsed else 0.5 - 0.3 * (1 - falling),
            "cost_mean": np.full(n_rows, 0.4),
            "cost_spread": np.full(n_rows, 0.001) if is_collapsed else 0.3 * (1 - falling),
            "saturated": np.zeros(n_rows),
            "policy_loss": -0.5 + falling,
            "bc_loss": -0.3 + falling,
            "effective_trajectories": np.full(n_rows, 12.0),
        }
    )


def set_job(run: Run, state: JobState, *, done: int, total: int = 1_500, message: str = "") -> None:
    """As its worker would leave the job of a run; this very process counts as the worker, which is alive."""
    jobs = JobStore(Database(Workspace(run.folder.parents[1]).database))
    job = jobs.begin(run.id, asked="cpu", author="ann") or jobs.find(run.id)
    assert job is not None
    far = replace(job, done=done, total=total, rate=100.0)
    jobs.report(far) if state == "running" else jobs.end(far, state, message)


def begin(run: Run, *, done: int = 500, n_rows: int = 20, is_collapsed: bool = False) -> Run:
    """As while training: the process is this very one, so it counts as alive."""
    set_job(run, "running", done=done)
    for row in metrics_table(n_rows, is_collapsed=is_collapsed).to_dict("records"):
        run.append_metrics({str(key): float(value) for key, value in row.items()})
    return run


def finish(run: Run, workspace: Workspace, *, is_collapsed: bool = False) -> Run:
    """As after training: a cost that grows with |x|, the weights that follow from it, and an outcome."""
    begin(run, is_collapsed=is_collapsed)
    info, config = run.info, run.config
    trajectories = store(workspace).open(info.dataset)
    labels = store(workspace).labels(info.dataset).current(info.label_snapshot)
    logits = 12 * (np.abs(trajectories.coordinates[:, 0]) - 0.6)
    costs = 0.5 + 0.001 * np.cos(logits) if is_collapsed else 1 / (1 + np.exp(-logits))
    offsets = trajectories.offsets
    weights = cloning_weights(costs, offsets, labels, config.weights, config.cost.gamma)
    numbers = np.repeat(np.arange(len(trajectories)), trajectories.lengths)
    steps = np.arange(trajectories.n_steps) - offsets[numbers]
    pd.DataFrame(
        {
            "trajectory": np.arange(len(trajectories)),
            "length": trajectories.lengths,
            "label": labels,
            "cost_sum": trajectory_costs(costs, offsets, config.cost.gamma, config.weights.per_length),
            "weight": weights.trajectories,
        }
    ).to_parquet(run.folder / "trajectories.parquet")
    pd.DataFrame({"trajectory": numbers, "step": steps, "cost": costs.astype(np.float32)}).to_parquet(
        run.folder / "costs.parquet"
    )  # last, as training does it
    (run.folder / "bc.safetensors").touch()  # pages only ask whether the policies are there
    has_truth = trajectories.costs is not None
    run.write_json(
        "outcome.json",
        {
            "step_auc": 0.875 if has_truth else None,
            "trajectory_spearman": 0.75 if has_truth else None,
            "seconds": 61.5,
        },
    )
    write_findings(run, diagnose(run.metrics(), config))
    set_job(run, "done", done=1_500)
    return run


def finish_with_curves(workspace: Workspace, info: DatasetInfo, *settings: str) -> Run:
    """A finished run with an additive network of random heights; the second of its six inputs has no effect."""
    config = CONFIG.with_values(["cost.network=additive", "cost.inputs=all", *settings])
    run = finish(new_run(workspace, info, config), workspace)
    torch.manual_seed(0)
    network, sizes = CostNetwork(config.cost, Sizes(4, 2)), Sizes(4, 2)
    trajectories = store(workspace).open(info.name)
    steps = torch.tensor(trajectories.observations), torch.tensor(trajectories.actions)
    network.fit(lambda: [steps])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.05)
        network.body.weights[:, :, 1] = 0
    save_cost(run.folder / "cost.safetensors", network, config.cost, sizes)
    return run


def answer_what_if(run: Run, edits: Mapping[int, str], *, lift: float = 5.0) -> None:
    """As after a what-if whose edits raised every cost by `lift` and a hundredth of its trajectory's number, where
    another seed changes it by less than 1."""
    kept, table = WhatIfs(run), run.trajectories()
    kept.folder.mkdir(exist_ok=True)
    labels, own = table["label"].to_numpy(str), table["cost_sum"].to_numpy()
    rng = np.random.default_rng(2)
    costs = own + rng.uniform(0, 0.5, size=(5, len(own)))
    weights = np.where(labels == "non_preferred", 0.0, np.exp(-costs / 9))
    Refits(labels, np.arange(5), costs, weights, "seed", "ann", "2026-11-25T12:00:00+00:00").write(
        kept.unchanged_file("seed")
    )
    np.save(kept.features_file, rng.normal(size=(len(own), 8)).astype(np.float32))
    after, lifted = edited(labels, edits), costs[:1] + lift + np.arange(len(own)) / 100
    weight = np.where(after == "non_preferred", 0.0, np.exp(-lifted / 9))
    kept.keep(Refits(after, np.arange(1), lifted, weight, "seed", "bob", "2026-11-25T12:01:00+00:00"))


def draw_curve(run: Run, *, snapshot: int, moved: float = 0.004, noise: float = 0.009) -> None:
    """As after a stop-labelling curve of 20 marks."""
    curve_file(run).parent.mkdir(exist_ok=True)
    first = CurvePoint(10, 10, None, None, None, 0.02, 0.8)
    last = CurvePoint(20, 10, moved, moved / 2, 2 * moved, noise, None)
    write_curve(run, LabelCurve((first, last), 3, True, snapshot, "ann", "2026-11-25T12:00:00+00:00"))


def fail(run: Run, message: str = "a loss became NaN; lower the learning rate") -> Run:
    (run.folder / "log.txt").write_text("loading\nTraceback: the end of the log\n")
    set_job(run, "failed", done=20, message=message)
    return run


def _interval(mean: float, half: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


def _policy(mean_return: float, mean_cost: float, n: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "return": _interval(mean_return, 12.0),
        "cost": _interval(mean_cost, min(mean_cost, 5.0)),
        "cvar_cost": _interval(mean_cost * 2, min(mean_cost, 5.0)),
        "length": _interval(300.0, 0.0),
        "return_normalised": _interval(mean_return / 450, 0.03),
        "cost_normalised": None,
        "return_dsrl": None,
        "cost_dsrl": None,
        "episodes": [
            {
                "seed": seed,
                "return": mean_return + 10 * float(rng.normal()),
                "cost": max(0.0, mean_cost * (1 + 0.3 * float(rng.normal()))),
                "length": 300,
                "reach": 1.1,
                "learned_cost": mean_cost / 4,
            }
            for seed in range(n)
        ],
    }


def _lived(recorded: Trajectory, seed: int) -> Episode:
    """An episode in which a policy did what was recorded."""
    costs = np.zeros(len(recorded), np.float32) if recorded.costs is None else recorded.costs
    rewards = np.zeros(len(recorded), np.float32) if recorded.rewards is None else recorded.rewards
    learned = np.abs(recorded.observations[:, 0]).clip(0, 1)
    return Episode(seed, rewards, costs, learned, recorded.observations, recorded.actions)


def evaluate(
    run: Run, *, n: int = 8, videos: tuple[bytes, ...] = (b"not really a video",), beside: Sequence[Run] = ()
) -> Run:
    """As after an evaluation; the bytes of the films, which all policies share, are the caller's."""
    policies = {"safe": _policy(424.0, 0.6, n), "bc": _policy(456.0, 48.9, n)}
    policies |= {other.id: _policy(300.0, 20.0, n) for other in beside}
    run.write_json(
        "evaluation/evaluation.json",
        {
            "env_id": "SafetyCarCircle-v0",
            "episodes": n,
            "policies": policies,
            "comparisons": compare_all(policies, "safe"),
            "seeds": [{"policies": ["safe", other.id], **_policy(362.0, 10.0, n)} for other in beside[:1]],
            "cost_limit": {"limit": 10.0, "why": "10% of the costliest trajectory's in the dataset"},
            "normalisation": ["Return: 0 is a random policy, 1 the constrained-RL policy."],
            "frames": {"fps": 20, "stride": 3},
        },
    )
    recorded = store(Workspace(run.folder.parents[1])).open(run.info.dataset)
    for policy in policies:  # the safe one does as the first did, the others as the last
        lived = range(n) if policy == "safe" else range(len(recorded) - n, len(recorded))
        write_rollouts(run.rollouts(policy), [_lived(recorded[t], seed) for seed, t in enumerate(lived)])
        for number, content in enumerate(videos):
            run.film(policy, number).write_bytes(content)
    write_progress(Task.of_run("evaluate", run).progress_file, Progress("done", n, n, time.time() - 9, time.time()))
    return run


def begin_evaluation(run: Run) -> Run:
    now = time.time()
    folder: Path = run.folder / "evaluation"
    folder.mkdir(exist_ok=True)
    write_progress(
        folder / "progress.json",
        Progress("running", 3, 10, now - 6, now, pid=os.getpid(), born=process_birth(os.getpid())),
    )
    return run


def open_page(page: str, **choices: object) -> AppTest:
    """A page of the dashboard on the workspace of the environment, as a link with these choices opens it."""
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    app.switch_page(f"views/{page}.py")
    for name, value in choices.items():
        app.query_params[name] = str(value)
    return app.run()


def open_settings() -> AppTest:
    """The Train page with all settings in sight."""
    app = open_page("train")
    app.session_state[settings_form.OPEN] = True
    return app.run()


def words(app: AppTest) -> str:
    """All that a page says in Markdown."""
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def links(app: AppTest) -> list[str]:
    """The words of the links to other pages."""
    return [link.proto.label for link in app.get("page_link")]


def figure(app: AppTest, key: str) -> dict[str, Any]:
    """A Plotly figure of a page, as the browser gets it."""
    (chart,) = [chart for chart in app.get("plotly_chart") if key in chart.proto.id]
    specification: dict[str, Any] = json.loads(chart.proto.spec)
    return specification


def staged(app: AppTest) -> dict[str, Any]:
    """What the trajectory view on the page was given; `lines` and `spread` are those of the item it shows, by name."""
    drawn = next(json.loads(each.proto.json) for each in app.get("bidi_component") if '"legend"' in each.proto.json)
    lanes = drawn["items"].get(drawn["shown"], {"lanes": []})["lanes"]
    every = [line for lane in lanes for line in lane["lines"]]
    return {
        **drawn,
        "lines": {line["name"]: _float32(line["values"]) for line in every},
        "spread": {line["name"]: _float32(line["spread"]) for line in every if line["spread"] is not None},
    }


def _float32(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")
