"""Rows as JSON and as Markdown, by rows made by hand; and the command as a whole."""

import json
import sys

import pytest
import torch

from safemil_core import cli
from safemil_core.bench.benchmark import Measured, Plan
from safemil_core.bench.report import markdown
from safemil_core.bench.rows import Row
from safemil_core.cli.bench import QUICK

ABOUT = {"machine": "Linux x86_64, Some Processor, 2 cores", "torch": "2.13.0", "threads": "2", "load": "0.1"}
COST = Row("cost update", "cpu", "float32", 128, "full", 300, 256, 200.0, 25.0, 8.0, 250.0, 15_360_000.0)
CLONING = Row(
    "cloning update", "cpu", "float32", None, None, 300, 256, 1_200.0, 600.0, 2.0, 2_400.0,
    policies=2, mixture_loop_updates_per_s=300.0,
)  # fmt: skip
AUC = Row(
    "time to AUC", "cpu", "float32", 128, 1, 300, 256, 300.0, 20.0, None,
    seconds_to_auc=0.5, best_auc=0.94123, seconds_to_best_auc=1.2345, reference_best_auc=0.9,
    reference_seconds_to_best_auc=42.0,
)  # fmt: skip


def lines_of(*rows):
    return markdown(Measured(list(rows), ABOUT, {})).splitlines()


def test_a_cost_update_reads_as_one_line():
    lines = lines_of(COST)
    assert (
        "| device | precision | K | H | hidden | reference | engine | speedup | GEMM limit | share of it | pairs/s |"
        in lines
    )
    assert "| cpu | float32 | 128 | full (300) | 256 | 25 | 200 | 8.0 | 250 | 80% | 15,360,000 |" in lines
    assert not any("d3rlpy" in line for line in lines)


def test_what_was_not_measured_is_a_dash():
    assert "| cpu | float32 | 2 | 1,200 | 600 | 2.0 | 300 | 4.0 | - | - | 2,400 | 50% |" in lines_of(CLONING)


def test_an_update_from_the_host_reads_as_a_share():
    sizes = (128, 10, 20_000, 256)
    fetched = Row("fetched cost update", "cuda", "float32", *sizes, 4_000.0, 5_000.0, 0.8, pairs_per_s=1e7)
    lines = lines_of(fetched)
    assert "| device | precision | K | H | hidden | on the device | from the host | share | pairs/s |" in lines
    assert "| cuda | float32 | 128 | 10 | 256 | 5,000 | 4,000 | 80% | 10,000,000 |" in lines


def test_an_auc_that_was_not_reached_is_said_so():
    assert "| cpu | 0.50 s | not reached | - | 0.941 after 1.23 s | 0.900 after 42.00 s |" in lines_of(AUC)


def test_the_report_says_on_what_it_was_measured():
    text = markdown(Measured([COST], {**ABOUT, "gpu": "Some GPU"}, {"cuda": "much of it"}))
    assert "Some Processor, 2 cores, Some GPU; torch 2.13.0, 2 threads" in text
    assert "load of other processes 0.1." in text
    assert "```\nmuch of it\n```" in text


def test_a_row_keeps_its_share_in_json():
    document = COST.document()
    assert document["gemm_share"] == 0.8
    assert {**AUC.document()}["gemm_share"] is None


def test_all_that_was_asked_for_is_in_the_plans():
    every = {(k, h, width) for k in (1, 16, 64, 128, 256) for h in (1, 10, 0) for width in (64, 256)}
    assert set(Plan().cells) == every
    assert QUICK.cells == [(128, 10, 256)]


@pytest.fixture
def bench(monkeypatch, capfd):
    """Run `safemil bench`; gives exit code, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["safemil", "bench", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as left:
            code = left.code
        return code, *capfd.readouterr()

    return call


def test_the_quick_benchmark_prints_one_document_and_writes_it(bench, tmp_path):
    file = tmp_path / "rows.json"
    code, out, err = bench("--quick", "--no-policy", "--device", "cpu", "--seconds", "0.01", "--out", file, "--json")
    assert code == 0, err
    assert out.count("\n") == 1
    rows = json.loads(out)
    assert rows == json.loads(file.read_text())
    assert [(row["what"], row["precision"], row["K"], row["H"], row["hidden"]) for row in rows] == [
        ("cost update", "float32", 128, 10, 256),
        ("cost update", "bfloat16", 128, 10, 256),
        ("default cost update", "float32", 128, 10, 256),
    ]
    for row in rows:
        assert row["device"] == "cpu"
        assert row["speedup"] == row["updates_per_s"] / row["reference_updates_per_s"] > 0
        assert (row["gemm_share"] or 0) > 0 or row["what"] == "default cost update"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_one_line(bench):
    said = "error: there is no CUDA device here; measure with --device cpu\n"
    assert bench("--quick", "--no-policy", "--device", "cuda") == (2, "", said)


def test_a_python_without_d3rlpy_is_one_line(bench):
    said = f"error: {sys.executable} has no d3rlpy; `make bench` makes an environment that has it\n"
    assert bench("--quick", "--d3rlpy", sys.executable) == (2, "", said)


def test_a_window_is_a_number_or_full(bench):
    assert bench("--window", "half") == (2, "", "error: --window must be a number from 1, or `full`, got 'half'\n")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_is_measured_with_its_profile(bench):
    code, out, err = bench("--quick", "--no-policy", "--device", "cuda", "--seconds", "0.01", "--profile")
    assert code == 0, err
    assert "| cuda | bfloat16 | 128 | 10 | 256 |" in out
    assert "What the engine's cost update spends its time on, cuda" in out
