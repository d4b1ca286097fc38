"""The report of a run: all of it in one file, and nothing in it that the file's reader should not run or see."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
import run_fixtures as runs
from plotly.offline import get_plotlyjs

from dashboard import report_page
from dashboard.run_report import Reported, report
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.errors import NotReady
from safemil_core.running.doctor_results import write_findings
from safemil_core.running.run_notes import RunNote


@pytest.fixture
def reported(workspace):
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    return Reported(run, RunNote(), info, runs.store(workspace).open(info.name), shows_truth=True)


def text(page):
    """What is read in a page: no tags, styles and scripts."""

    words = []

    class Reader(HTMLParser):
        is_hidden = False

        def handle_starttag(self, tag, attrs):
            self.is_hidden = tag in ("script", "style")

        def handle_endtag(self, tag):
            self.is_hidden = False

        def handle_data(self, data):
            if not self.is_hidden and data.strip():
                words.append(data.strip())

    Reader().feed(page)
    return words


def after(words, name):
    return words[words.index(name) + 1]


def test_it_says_what_came_out_and_what_it_is_made_from(reported):
    words = text(report(reported))
    assert after(words, "trajectories") == "24"
    assert after(words, "marked non-preferred") == "4"
    assert after(words, "trained in") == "1 min 2 s"
    assert after(words, "step AUC (hidden truth)") == "0.875"
    assert after(words, "dataset") == f"walks, content {reported.info.id}"
    assert after(words, "seed") == "3"
    settings = words[words.index("default") + 1 :]
    assert settings[: settings.index("How it learned")] == [
        *("cost.bag_size", "64", "128"), *("cost.updates", "500", "1000"), *("weights.scheme", "trajectory", "split"),
        *("weights.beta", "2.0", "20.0"), *("policy.updates", "1000", "5000"), *("seed", "3", "0"),
    ]  # fmt: skip


def test_it_asks_no_other_host_for_anything(reported):
    page = report(reported)
    assert "default-src 'none'" in page
    assert not re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="?(?!data:)', page)
    assert page.count(get_plotlyjs()) == 1


def test_the_same_run_gives_the_same_file(reported):
    assert report(reported) == report(reported)


def test_names_and_notes_are_text(reported):
    hostile = "<img src=x onerror=alert(1)>"
    page = report(
        replace(
            reported,
            note=RunNote(name=hostile, text="<script>alert(2)</script>"),
            info=replace(reported.info, env_id="<i>env</i>", observation_names=(hostile, "y", "vx", "vy")),
        )
    )
    assert "<img src=x" not in page.replace("\\u003cimg", "")
    assert "<script>alert" not in page and "<i>env" not in page
    assert hostile in text(page) and "<script>alert(2)</script>" in text(page)


def test_while_the_truth_is_hidden_nothing_of_it_is_in_the_file(reported):
    hidden = replace(reported.trajectories, rewards=None, costs=None)
    page = report(replace(reported, trajectories=hidden, shows_truth=False))
    assert "hidden truth" not in page and "0.875" not in page


def test_while_the_truth_is_hidden_the_doctor_is_silent_on_returns(reported):
    about_returns = Finding("overlap_with_return", "labels", "Marks name what earns", "80%", "why", "cure", 0.5)
    write_findings(reported.run, [about_returns])
    assert "Marks name what earns" in text(report(reported))
    words = text(report(replace(reported, shows_truth=False)))
    assert "Marks name what earns" not in words
    assert "Nothing was found to be wrong." in words


def test_what_the_doctor_found_has_its_evidence(reported):
    evidence = Evidence("bars", "label", "cost", (Series("cost", ("a", "b"), (1.0, 2.0)),), threshold=1.5)
    found = Finding("bag_size", "collapse", "Bags <too> small", "K = 2", "alpha", "More.", 0.9, ("cost.bag_size=64",))
    write_findings(reported.run, [replace(found, figure=evidence)])
    page = report(reported)
    words = text(page)
    assert after(words, "Bags <too> small") == "K = 2"
    assert "More. cost.bag_size=64" in words
    assert 'id="chart-100"' in page
    write_findings(reported.run, [])
    assert "Nothing was found to be wrong." in text(report(reported))


def test_bags_by_lemma_1(reported):
    words = text(report(reported))  # K = 64: 1 - 0.05^(1/64)
    assert any("if at least 4.6% of the unlabelled are preferred" in sentence for sentence in words)
    assert after(words, "2%") == "149"


def test_an_evaluation_has_its_episodes(reported):
    assert "Its policies have not been rolled out." in text(report(reported))
    runs.evaluate(reported.run, n=3)
    page = report(reported)
    words = text(page)
    assert after(words, "return of the safe policy") == "424.0"
    assert [words[i : i + 2] for i, word in enumerate(words) if word == "Safe policy"][1:] == [
        ["Safe policy", "0"], ["Safe policy", "1"], ["Safe policy", "2"],
    ]  # fmt: skip
    assert 'src="data:video/mp4;base64,bm90IHJlYWxseSBhIHZpZGVv"' in page


def test_before_the_costs_are_learned_there_is_none(workspace):
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.begin(runs.new_run(workspace, info))
    with pytest.raises(NotReady, match=r"has no costs\.parquet yet"):
        report(Reported(run, RunNote(), info, runs.store(workspace).open(info.name), shows_truth=True))


def test_a_table_escapes_its_cells_and_its_headings():
    page = report_page.table(pd.DataFrame({"<b>": ["<i>", None]}))
    assert text(page) == ["<b>", "<i>", "—"]
