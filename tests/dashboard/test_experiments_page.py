"""The Experiments page: what is ready, what has come of what was begun, and why something cannot begin."""

from dataclasses import replace

from factories import add_dataset
from run_fixtures import open_page
from sweep_fixtures import SPEC, done_sweep

from dashboard import sweep_resources
from dashboard.sweep_report import sweep_report
from safemil_core.data.database import Database
from safemil_core.data.hidden_truth import HiddenTruth
from safemil_core.running.progress import begin, write_progress


def page(name):
    return open_page("experiments", experiment=name)


def test_what_is_done_shows_as_figure_and_table(workspace, tmp_path):
    add_dataset(workspace)
    done_sweep(workspace, tmp_path / "bags.toml", n_done=5)
    shown = page("bags")
    assert not shown.exception
    assert "5 of 6 trials so far." in [caption.value for caption in shown.caption]
    table = shown.dataframe[0].value
    assert table["step AUC"].tolist() == ["0.600 [0.500, 0.700]", "0.750 [0.700, 0.800]"]
    assert table["n"].tolist() == [3, 2]
    assert shown.button(key="sweep.start").label == "Do what is missing"
    assert [each.proto.language for each in shown.code] == ["toml"]


def buttons(shown):
    return [button.key for button in shown.button if button.key.startswith("sweep.")]


def test_where_all_is_done_there_is_nothing_to_press(workspace, tmp_path):
    add_dataset(workspace)
    done_sweep(workspace, tmp_path / "bags.toml")
    shown = page("bags")
    assert not shown.exception
    assert len(shown.dataframe[0].value) == 2
    assert buttons(shown) == []


def test_a_trial_that_failed_may_be_tried_again(workspace, tmp_path):
    add_dataset(workspace)
    sweep = done_sweep(workspace, tmp_path / "bags.toml")
    sweep.keep(replace(sweep.rows()[0], failure="the disk was full"))
    assert buttons(page("bags")) == ["sweep.start"]


def test_a_ready_one_says_what_it_lacks_and_the_ways_to_it(workspace):
    add_dataset(workspace)
    shown = page("bag_size")
    assert not shown.exception
    assert shown.info[0].value == "It can begin once these datasets are here: `car_circle`, `car_run`, `ball_run`."
    assert buttons(shown) == [], "it cannot begin"
    ways, specification = shown.code
    assert ways.value.splitlines() == [
        "safemil import assets/car_circle.hdf5",
        "python assets/make_tasks.py car_run --out car_run.hdf5 && safemil import car_run.hdf5 --name car_run",
        "python assets/make_tasks.py ball_run --out ball_run.hdf5 && safemil import ball_run.hdf5 --name ball_run",
    ]
    assert "cost.bag_size" in specification.value


def test_what_somebody_asks_and_what_a_trial_failed_of_are_no_markdown(workspace, tmp_path):
    add_dataset(workspace)
    words = "**Is** [it](http://elsewhere) <b>so</b> ![?](http://elsewhere/a.png) `or` $x$?"
    spec = SPEC.replace("How many trajectories should a bag hold?", words)
    sweep = done_sweep(workspace, tmp_path / "bags.toml", spec=spec)
    write_progress(sweep.progress_file, replace(begin(6, "cpu"), state="done", done=6, message=f"failed: {words}"))
    shown = page("bags")
    assert not shown.exception
    assert [text.value for text in shown.text] == [words]
    (warning,) = shown.warning
    # Nothing in it ends the code, so that all of it is shown as it is.
    assert warning.value == f"`failed: {words.replace('`', chr(39))}`"
    for element in (*shown.markdown, *shown.caption, *shown.info, *shown.error):
        assert "elsewhere" not in element.value


def test_those_that_can_begin_stand_first_and_the_others_say_what_they_need(workspace):
    add_dataset(workspace, name="car_circle")
    first, second, *_ = page("departures").selectbox(key="widget.experiment").options
    assert (first, second) == ("departures · ready", "aggregators · needs car_run, ball_run")


def test_while_the_truth_is_hidden_no_result_tells_it(workspace, tmp_path):
    info = add_dataset(workspace)
    done_sweep(workspace, tmp_path / "bags.toml")
    HiddenTruth.of(Database(workspace.database), info).hide("ann")
    shown = page("bags")
    assert shown.info[0].value.startswith("The truth of `walks` is hidden")
    assert not shown.dataframe


def test_the_report_needs_nothing_else(workspace, tmp_path):
    add_dataset(workspace)
    sweep = done_sweep(workspace, tmp_path / "bags.toml")
    document = sweep_report(sweep, sweep_resources.results(sweep))
    assert "How many trajectories should a bag hold?" in document
    for words in ("6 of 6", "3 min 0 s", "0.600 [0.500, 0.700]", "cost.bag_size = [4, 8]", "c0de"):
        assert words in document
    assert 'src="http' not in document
