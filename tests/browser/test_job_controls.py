"""Trainings in a real browser, done by real workers: queued, stopped, resumed, duplicated, compared, deleted.

Only the settings are small; they come from a finished run that is duplicated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from safemil_core.config import RunConfig
from safemil_core.data.database import Database
from safemil_core.running import jobs
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNotes
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs

SLOW = 60_000
"""Milliseconds that a worker may take to begin, which imports torch, on a busy machine."""
TINY = RunConfig().with_values(
    [
        "cost.updates=50",
        "cost.hidden_sizes=[8]",
        "policy.updates=200",
        "policy.hidden_sizes=[8]",
        "policy.batch_size=16",
    ]
)


@pytest.fixture
def workspace(dashboard: Dashboard) -> Iterator[Workspace]:
    """That of the dashboard; nothing is left at work in it."""
    workspace = Workspace(dashboard.workspace)
    yield workspace
    for run in RunStore(workspace).list():
        jobs.stop(workspace, run)


def test_from_a_queue_of_runs_to_their_comparison(dashboard: Dashboard, workspace: Workspace, page: Page) -> None:
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    template = runs.finish(runs.new_run(workspace, info, TINY), workspace)
    page.goto(f"{dashboard.url}/train?dataset={info.name}&run={template.id}")
    long, short = queue_two(page, workspace, template)
    look_at_the_function(page, workspace, long)
    stop_and_resume(page, workspace, long, short)
    compare(page, workspace, long, short)
    delete(page, workspace, short)


def test_what_is_logged_shows_in_the_same_curves_without_a_reload(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.begin(runs.new_run(workspace, info))  # this process plays its worker
    page.goto(f"{dashboard.url}/train?dataset={info.name}&run={run.id}")
    curves = page.get_by_role("img", name="Loss of the cost network: loss, guessing (log 2), up to update 500")
    curves.evaluate("canvas => { canvas.dataset.drawn = 'before'; }")
    figure = page.locator("figure").filter(has_text="Loss of the cost network")
    figure.get_by_role("button", name="log").click()
    run.append_metrics({**runs.metrics_table(1).to_dict("records")[0], "update": 12_525.0})
    later = page.get_by_role("img", name=re.compile("^Loss of the cost network: .*up to update 12,525$"))
    expect(later).to_have_attribute("data-drawn", "before")
    expect(figure.get_by_role("button", name="log")).to_have_attribute("aria-pressed", "true")
    runs.set_job(run, "done", done=1_500)
    expect(panel(page).get_by_text("done", exact=True)).to_be_visible()


def test_a_setting_counts_and_is_named_where_it_is_out_of_sight(
    dashboard: Dashboard, workspace: Workspace, page: Page
) -> None:
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    page.goto(f"{dashboard.url}/train?dataset={info.name}&run={run.id}")
    page.get_by_text("All settings").click()
    fill(page.get_by_role("spinbutton", name="Sharpness of log-sum-exp"), 2)
    page.get_by_text("All settings").click()
    expect(page.get_by_text("Changed in all settings: cost.sharpness=2.0")).to_be_visible()
    log = page.get_by_test_id("stCode")
    expect(log).to_have_count(0)
    page.get_by_text("Log", exact=True).click()
    expect(log).to_be_visible()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page).not_to_have_url(re.compile(run.id))
    assert RunStore(workspace).list()[0].config.cost.sharpness == 2


def test_a_page_that_waits_for_a_run_goes_on_by_itself(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.begin(runs.new_run(workspace, info))  # this process plays its worker
    page.goto(f"{dashboard.url}/costs?dataset={info.name}&run={run.id}")
    expect(page.get_by_text("This run is still learning its costs.")).to_be_visible()
    expect(page.get_by_text("500 of 1,500 updates")).to_be_visible()
    runs.finish(run, workspace)
    expect(page.get_by_role("radio", name="Over the state")).to_be_visible()
    run = runs.begin(runs.new_run(workspace, info))
    page.goto(f"{dashboard.url}/rollouts?dataset={info.name}&run={run.id}")
    expect(page.get_by_text("This run is still cloning its policies.")).to_be_visible()
    runs.finish(run, workspace)
    expect(page.get_by_role("button", name="Run the policies")).to_be_visible()


def queue_two(page: Page, workspace: Workspace, template: Run) -> tuple[Run, Run]:
    """A long and a short run: the second waits while the first is at work."""
    page.get_by_role("button", name="Duplicate with changes").click()
    expect(page.get_by_role("spinbutton", name="Policy updates")).to_have_value("200")
    fill(page.get_by_role("spinbutton", name="Policy updates"), 1_000_000)
    long = train(page, workspace, seed=1)
    expect(panel(page).get_by_text("running", exact=True)).to_be_visible(timeout=SLOW)
    fill(page.get_by_role("spinbutton", name="Policy updates"), 200)
    short = train(page, workspace, seed=2)
    expect(page.get_by_text("1 at work, 1 waiting")).to_be_visible()
    expect(panel(page).get_by_text("next in turn")).to_be_visible()
    assert short.config == template.config.with_values(["seed=2"])
    return long, short


def look_at_the_function(page: Page, workspace: Workspace, run: Run) -> None:
    """Its cost is learned soon, and can be asked about any step while its policies still train."""
    back = page.url
    while not (run.folder / "cost.safetensors").exists():
        page.wait_for_timeout(100)
    page.goto(back.split("/train")[0] + f"/costs?dataset=walks&run={run.id}&section=probe&trajectory=5&step=7")
    expect(page.get_by_text("The cost of step 7 of trajectory 5 is")).to_be_visible(timeout=SLOW)
    assert jobs.job_of(workspace, run).state == "running"
    page.goto(back)
    expect(panel(page).get_by_text("next in turn")).to_be_visible()


def stop_and_resume(page: Page, workspace: Workspace, long: Run, short: Run) -> None:
    """The waiting one is stopped and queued again; it gets its turn as the other is stopped, which then goes on."""
    page.get_by_role("button", name="Stop").last.click()
    expect(panel(page).get_by_text("stopped", exact=True)).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(panel(page).get_by_text("next in turn")).to_be_visible()
    page.locator(f".st-key-queue-show-{long.id} button").first.click()
    expect(panel(page).get_by_text("a second")).to_be_visible(timeout=SLOW)  # it has trained for a while
    page.locator(f".st-key-queue-stop-{long.id} button").click()
    expect(panel(page).get_by_text("stopped", exact=True)).to_be_visible(timeout=SLOW)
    stopped = jobs.job_of(workspace, long)
    assert 0 < stopped.done < stopped.total
    page.goto(page.url.replace(long.id, short.id))
    expect(panel(page).get_by_text("done", exact=True)).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("Step AUC (hidden truth)")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Losses of the policies: .*up to update 250"))).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("button", name="TensorBoard").click()
    with ZipFile(started.value.path()) as archive:
        assert [name.split("/")[0] for name in archive.namelist()] == [short.id]
    page.goto(page.url.replace(short.id, long.id))
    page.get_by_role("button", name="Resume").click()
    expect(panel(page).get_by_text("a second")).to_be_visible(timeout=SLOW)
    resumed = jobs.job_of(workspace, long)
    assert (resumed.state, resumed.attempt, resumed.done > stopped.done) == ("running", 2, True)
    page.get_by_role("button", name="Stop").last.click()
    expect(panel(page).get_by_text("stopped", exact=True)).to_be_visible(timeout=SLOW)


def compare(page: Page, workspace: Workspace, long: Run, short: Run) -> None:
    """Both runs' curves, their differences, and a name that shows wherever the run does."""
    page.get_by_role("link", name="Compare with other runs").click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    page.goto(f"{page.url.split('?')[0]}?dataset=walks&runs={long.id},{short.id}")
    expect(page.get_by_role("img", name=re.compile("^cost loss: .*up to update"))).to_be_visible()
    expect(page.get_by_text("are the same in all of them")).to_be_visible()
    name = page.get_by_role("textbox", name="Name", exact=True).last
    name.fill("long *run*")
    name.press("Enter")
    expect(page.get_by_role("img", name=re.compile("long \\*run\\*"))).to_be_visible()
    page.get_by_role("textbox", name="Note").last.fill("went on after a stop")
    page.get_by_role("textbox", name="Note").last.press("Control+Enter")
    notes = RunNotes(Database(workspace.database))
    for _ in range(100):
        if notes.of(long.id).text:
            break
        page.wait_for_timeout(100)  # the page itself shows the note before it is kept: in the field where it was typed
    page.reload()
    expect(page.get_by_role("textbox", name="Note").last).to_have_value("went on after a stop")
    assert notes.of(long.id).name == "long *run*"
    tick_row(page, 3)  # the template, which is the oldest
    expect(page).to_have_url(re.compile(r"runs=[^&]+(%2C|,)[^&]+(%2C|,)"))


def delete(page: Page, workspace: Workspace, run: Run) -> None:
    page.goto(f"{page.url.split('/compare')[0]}/train?dataset=walks&run={run.id}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page).not_to_have_url(re.compile(run.id))
    assert run.id not in [left.id for left in RunStore(workspace).list()]


def train(page: Page, workspace: Workspace, seed: int) -> Run:
    """Queue a run; it is the chosen one from then on."""
    fill(page.get_by_role("spinbutton", name="Seed"), seed)
    before = {run.id for run in RunStore(workspace).list()}
    page.get_by_test_id("stMain").get_by_role("button", name="Train").click()
    expect(page).not_to_have_url(re.compile("|".join(before)))
    (new,) = [run for run in RunStore(workspace).list() if run.id not in before]
    expect(page).to_have_url(re.compile(new.id))
    return new


def panel(page: Page) -> Locator:
    """What is shown of the chosen run."""
    return page.locator(".st-key-run-panel")


def tick_row(page: Page, number: int) -> None:
    """Tick the box of a row of the first table, counted from 1 under the header."""
    table = page.locator("[data-testid=stDataFrame] canvas").first
    scroll_to(table)
    page.wait_for_timeout(500)
    table.click(position={"x": 18, "y": 35 * number + 17}, force=True)


def fill(field: Locator, value: int) -> None:
    field.fill(str(value))
    field.press("Tab")


def test_nothing_is_trained_while_a_number_is_out_of_its_range(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    runs.mark_costliest(workspace, runs.add_dataset(workspace))
    page.goto(f"{dashboard.url}/train")
    start = page.locator(".st-key-train-start button")
    expect(start).to_be_visible()
    number = page.get_by_role("spinbutton", name="Cost updates")
    number.fill("-5")
    number.press("Tab")
    expect(start).to_be_hidden()
    number.fill("10")
    number.press("Tab")
    expect(start).to_be_visible()
