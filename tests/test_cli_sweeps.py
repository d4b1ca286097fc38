"""Experiments on the command line."""

from factories import add_dataset
from sweep_fixtures import done_sweep


def test_the_table_of_what_is_done_is_printed_and_sweeps_are_listed(safemil, json_of, workspace, tmp_path):
    assert safemil("sweeps") == (0, "no sweeps yet; `safemil sweep SPEC.toml` begins one\n", "")
    add_dataset(workspace)
    done_sweep(workspace, tmp_path / "bags.toml")
    code, text, _ = safemil("sweep", tmp_path / "bags.toml")
    assert code == 0
    assert text.splitlines() == [
        "| dataset | cost.bag_size | n | step AUC             |",
        "|---------|---------------|---|----------------------|",
        "| walks   | 4             | 3 | 0.600 [0.500, 0.700] |",
        "| walks   | 8             | 3 | 0.800 [0.700, 0.900] |",
    ]
    document = json_of("sweep", tmp_path / "bags.toml")
    assert (document["sweep"], len(document["rows"])) == ("bags", 6)
    assert [line["step_auc"] for line in document["table"]] == [0.6, 0.8]
    assert json_of("sweeps") == [{"sweep": "bags", "state": "done", "done": 6, "total": 6, "message": ""}]


def test_what_cannot_be_done_ends_in_a_sentence(safemil, workspace, tmp_path):
    assert safemil("sweep", tmp_path / "none.toml")[0] == 2
    (tmp_path / "bags.toml").write_text('name = "bags"\ndatasets = ["walks", "car_circle"]\nepisodes = 0\n')
    code, _, said = safemil("sweep", tmp_path / "bags.toml")
    assert code == 2
    assert said.startswith("error: there is no dataset 'walks' and no 'car_circle'; to make bundled ones: `")


def test_a_number_that_is_none_is_null_in_json(json_of, workspace, tmp_path):
    add_dataset(workspace)
    done_sweep(workspace, tmp_path / "bags.toml")
    one_seed = (tmp_path / "bags.toml").read_text().replace("seeds = 3", "seeds = 1")
    (tmp_path / "bags.toml").write_text(one_seed)
    (first, _) = json_of("sweep", tmp_path / "bags.toml")["table"]
    assert (first["step_auc"], first["step_auc low"]) == (0.5, None)


def test_a_sweep_is_removed_by_its_name_and_only_while_nobody_does_it(safemil, json_of, workspace, tmp_path):
    add_dataset(workspace)
    sweep = done_sweep(workspace, tmp_path / "bags.toml")
    with sweep.alone():
        code, _, said = safemil("sweeps", "--delete", "bags")
    assert (code, said.partition(" process")[0]) == (2, "error: sweep 'bags' is being done by")
    assert json_of("sweeps", "--delete", "bags") == {"sweep": "bags", "state": "deleted"}
    assert safemil("sweeps", "--delete", "bags")[2] == "error: there is no sweep 'bags'; `safemil sweeps` lists them\n"
    assert json_of("sweeps") == []
    assert list(workspace.sweeps.iterdir()) == []
