"""Long tables, as pyarrow and plain text give them."""

from __future__ import annotations

import re
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from curated_strategy import assert_same, curated_sets
from hypothesis import given, settings

from safemil_core.data.curated import Curated
from safemil_core.data.formats import csv_table, parquet_table, tables
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Options, Part, Recording, Steps
from safemil_core.data.storage.build import build
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset

ASK = Options()
GOOD = """episode_index,frame_index,observation.x,observation.y,action.0,reward,cost,done
0,0,1.5,2,0.1,1,0,false
0,1,2.5,3,0.2,2,1,true
7,0,3.5,4,0.3,3,0,False
7,1,4.5,5,0.4,4,0,0
"""


def written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def as_parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def columns(**changed: object) -> dict[str, object]:
    plain = {
        "trajectory": [0, 0, 1, 1],
        "step": [0, 1, 0, 1],
        "observation.0": [1.5, 2.5, 3.5, 4.5],
        "observation.1": [2.0, 3.0, 4.0, 5.0],
        "action.0": [1, 2, 3, 4],
        "terminated": [False, True, False, False],
    }
    return {**plain, **changed}


def whole(recording: Recording) -> Steps:
    blocks = list(recording.steps)
    assert len(blocks) == 1
    return blocks[0]


def test_a_csv_by_hand(tmp_path):
    path = written(tmp_path / "a.txt", GOOD)
    assert csv_table.detect(path)
    recording = csv_table.read(path, ASK)
    about = recording.about
    assert about.observations == (Part("", (2,)),)
    assert (about.observation_names, about.action_names) == (("x", "y"), ())
    assert (about.has_rewards, about.has_costs) == (True, True)
    steps = whole(recording)
    np.testing.assert_array_equal(steps.observations, [[1.5, 2], [2.5, 3], [3.5, 4], [4.5, 5]])
    np.testing.assert_array_equal(steps.actions, np.array([[0.1], [0.2], [0.3], [0.4]], dtype=np.float32))
    assert steps.ends.tolist() == [0, TERMINATED, 0, CUT_OFF]
    assert steps.costs.tolist() == [0, 1, 0, 0]
    assert steps.final_observations is None


def test_true_and_false_are_numbers_in_a_csv(tmp_path):
    text = "ep,s0,s1,a0,cost\n0,1.5,True,2,false\n0,2.5,False,3,true\n0,3.5,,4,1\n"
    steps = whole(csv_table.read(written(tmp_path / "a.csv", text), ASK))
    np.testing.assert_array_equal(steps.observations, [[1.5, 1], [2.5, 0], [3.5, np.nan]])
    assert steps.costs.tolist() == [0, 1, 1]


def test_semicolons_names_in_quotes_and_a_byte_order_mark(tmp_path):
    text = '\ufeff"traj";"obs_0";"act_0"\r\nfirst;1;2\r\nfirst;1;2\r\nsecond;1;2\r\n'
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    assert csv_table.detect(path)
    assert whole(csv_table.read(path, ASK)).ends.tolist() == [0, CUT_OFF, CUT_OFF]


def test_a_parquet_file_by_hand(tmp_path):
    recording = parquet_table.read(as_parquet(tmp_path / "a", **columns()), ASK)
    assert recording.about.n_steps == 4
    assert recording.about.actions == (Part("", (1,)),)
    steps = whole(recording)
    assert steps.ends.tolist() == [0, TERMINATED, 0, CUT_OFF]
    assert steps.actions.dtype == np.float32


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["a", "a", "b", "b"], pa.large_string()),
        pa.array(["a", "a", "b", "b"], pa.string_view()),
        pa.array(["a", "a", "b", "b"]).dictionary_encode(),
        pa.array(["a", "a", "b", "b"], pa.large_string()).dictionary_encode(),
        pa.array([7, 7, 8, 8]).dictionary_encode(),
    ],
)
def test_trajectories_are_told_apart_by_text_of_any_kind(tmp_path, ids):
    path = as_parquet(tmp_path / "a", trajectory=ids, obs_0=[1.0, 2, 3, 4], action_0=[1.0, 2, 3, 4], done=[0, 0, 0, 1])
    assert whole(parquet_table.read(path, ASK)).ends.tolist() == [0, CUT_OFF, 0, TERMINATED]
    assert [row["trajectory"] for row in parquet_table.preview(path)] == ids.to_pylist()


@pytest.mark.parametrize("missing", [pa.array([None, True, None, None]), pa.array([float("nan"), 1.0, None, 0.0])])
def test_a_missing_flag_says_no(tmp_path, missing):
    table = columns(terminated=missing)
    del table["trajectory"], table["step"]
    steps = whole(parquet_table.read(as_parquet(tmp_path / "a", **table), ASK))
    assert (steps.ends != 0).tolist() == [False, True, False, False]


def test_flags_may_be_text_of_any_kind(tmp_path):
    flags = pa.array(["no", "yes", "no", "yes"], pa.large_string())
    path = as_parquet(tmp_path / "a", obs_0=[1.0, 2, 3, 4], action_0=[1.0, 2, 3, 4], done=flags)
    assert whole(parquet_table.read(path, ASK)).ends.tolist() == [0, TERMINATED, 0, TERMINATED]


@pytest.mark.parametrize(
    ("names", "role", "expected"),
    [
        (["ep", "t", "s0", "s1", "a0"], "observations", ("s0", "s1")),
        (["ep", "t", "s0", "s1", "a0"], "actions", ("a0",)),
        (["traj_id", "obs_0", "obs_1", "obs_10", "obs_2"], "observations", ("obs_0", "obs_1", "obs_2", "obs_10")),
        (["s1", "s0", "obs_0", "obs_1"], "observations", ("s1", "s0", "obs_0", "obs_1")),
        (["state.x10", "state.x2"], "observations", ("state.x10", "state.x2")),
        (["a" + "1" * 5000, "a0"], "actions", ("a0",)),
        (["state", "action"], "observations", ("state",)),
        (["state", "action"], "actions", ("action",)),
        (["Episode", "Time"], "trajectory", ("Episode",)),
        (["obs[0]", "obs[1]"], "observations", ("obs[0]", "obs[1]")),
        (["next.reward", "reward"], "reward", ("reward",)),
        (["next_observation.x", "final_observation.x"], "observations", None),
    ],
)
def test_columns_are_guessed_by_name(names, role, expected):
    assert tables.guess([(name, "double") for name in names]).get(role) == expected


def test_text_is_guessed_too_so_that_it_is_seen_but_a_time_of_day_is_no_step():
    assert tables.guess([("timestamp", "string"), ("episode", "string"), ("obs_0", "string")]) == {
        "trajectory": ("episode",),
        "observations": ("obs_0",),
    }


STRAY = "the column '{}' holds string, expected numbers for the {}; repair or rename it, or choose other columns"


@pytest.mark.parametrize(("column", "role"), [("obs_1", "observations"), ("act_0", "actions"), ("cost", "cost")])
@pytest.mark.parametrize("module", [csv_table, parquet_table])
def test_a_stray_text_in_a_column_of_numbers_is_not_passed_over(tmp_path, module, column, role):
    numbers = {key: [1.0, 2.0] for key in ("obs_0", "obs_1", "obs_2", "act_0", "act_1", "cost")}
    path = as_parquet(tmp_path / "a", **{"episode": [0, 0], **numbers, column: ["1", "?"]})
    if module is csv_table:
        path = written(tmp_path / "a.csv", pa_csv_text(path))
    with pytest.raises(InvalidDataset, match=re.escape(STRAY.format(column, role))):
        module.read(path, ASK)


def test_a_stray_text_in_a_column_that_was_not_chosen_does_not_matter(tmp_path):
    path = written(tmp_path / "a.csv", "episode,obs_0,obs_1,act_0\n0,1,?,3\n")
    recording = csv_table.read(path, Options(columns={"observations": ("obs_0",)}))
    assert whole(recording).observations.tolist() == [[1]]


def test_decimals_are_numbers(tmp_path):
    decimals = pa.array([Decimal("1.5"), None, Decimal("-2.25"), Decimal("0")])
    path = as_parquet(tmp_path / "a", **columns(**{"observation.1": decimals}))
    assert ("observation.1", "double") in parquet_table.columns(path)
    np.testing.assert_array_equal(whole(parquet_table.read(path, ASK)).observations[:, 1], [1.5, np.nan, -2.25, 0])


def test_the_user_says_what_columns_mean(tmp_path):
    path = written(tmp_path / "a.csv", "run,left,right,push\nx,1,2,3\nx,4,5,6\ny,7,8,9\n")
    chosen = {"trajectory": ("run",), "observations": ("right", "left"), "actions": ("push",)}
    recording = csv_table.read(path, Options(columns=chosen))
    assert recording.about.observation_names == ("right", "left")
    steps = whole(recording)
    np.testing.assert_array_equal(steps.observations, [[2, 1], [5, 4], [8, 7]])
    assert steps.ends.tolist() == [0, CUT_OFF, CUT_OFF]


def test_numbered_columns_go_by_their_numbers_wherever_they_stand(tmp_path):
    text = "ep,s0,s1,s10,s2,s3,s4,s5,s6,s7,s8,s9,a0\n0,0,1,10,2,3,4,5,6,7,8,9,5\n"
    recording = csv_table.read(written(tmp_path / "a.csv", text), ASK)
    assert recording.about.observation_names == ()
    assert whole(recording).observations.tolist() == [list(range(11))]


@pytest.mark.parametrize("chosen", [("obs_2", "obs_0"), ("obs_1", "obs_2"), ("obs_0", "obs_2"), ("obs_1",)])
def test_columns_whose_numbers_are_not_their_places_keep_their_names(tmp_path, chosen):
    path = written(tmp_path / "a.csv", "ep,obs_0,obs_1,obs_2,act_0\n0,1,2,3,4\n")
    about = csv_table.read(path, Options(columns={"observations": chosen})).about
    assert (about.observation_names, about.action_names) == (chosen, ())


def test_two_tables_that_number_other_columns_in_one_place_are_not_mixed(tmp_path):
    sources = []
    for name, numbers in (("a.csv", (1, 2, 3)), ("b.csv", (0, 1, 2))):
        header = ",".join(f"s{number}" for number in numbers)
        path = written(tmp_path / name, f"ep,{header},s9,a0\n0,1,2,3,4,5\n")
        sources.append((name, csv_table.read(path, ASK)))
    with pytest.raises(InvalidDataset, match=r"b\.csv has its observations in another order than a\.csv \('s1'"):
        build(sources, tmp_path)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((1, 2, 3), "(1 is where that has 0)"),
        ((3, 4, 5), "(3 is where that has 0)"),
        ((0, 1, 3), "(3 is where that has 2)"),
    ],
)
@pytest.mark.parametrize("is_last", [True, False])
def test_a_table_that_numbers_its_columns_from_0_is_not_mixed_with_one_that_does_not(tmp_path, numbers, said, is_last):
    """Columns 0, 1, 2 have no names, since their numbers say no more than their places do; they are numbered still."""
    tables = [("a.csv", "s0,s1,s2"), ("b.csv", ",".join(f"state[{number}]" for number in numbers))]
    sources = []
    for name, header in tables if is_last else tables[::-1]:
        path = written(tmp_path / name, f"ep,{header},a0\n0,1,2,3,5\n")
        sources.append((name, csv_table.read(path, ASK)))
    if is_last:
        words = f"b.csv numbers its observations otherwise than a.csv {said}; number the columns of both alike"
    else:
        words = "a.csv numbers its observations otherwise than b.csv"
    with pytest.raises(InvalidDataset, match=re.escape(words)):
        build(sources, tmp_path)


@pytest.mark.parametrize("headers", [("s0,s1", "obs_0,obs_1"), ("s1,s2", "obs_1,obs_2"), ("s0,s1", "obs.x,obs.y2")])
def test_columns_that_count_alike_or_do_not_count_are_one_dataset(tmp_path, headers):
    sources = []
    for name, header in zip("ab", headers, strict=True):
        path = written(tmp_path / f"{name}.csv", f"ep,{header},a0\n0,1,2,5\n")
        sources.append((name, csv_table.read(path, ASK)))
    (tmp_path / "of").mkdir()
    assert build(sources, tmp_path / "of").n_trajectories == 2


def test_without_trajectories_a_length_says_where_they_end(tmp_path):
    path = written(tmp_path / "a.csv", "obs_0,act_0\n" + "1,2\n" * 5)
    with pytest.raises(InvalidDataset, match="to which trajectory a row belongs"):
        csv_table.read(path, ASK)
    assert whole(csv_table.read(path, Options(episode_length=2))).ends.tolist() == [0, 2, 0, 2, 0]


def test_with_trajectories_a_length_is_refused_and_not_ignored(tmp_path):
    path = written(tmp_path / "a.csv", "ep,obs_0,act_0\n" + "0,1,2\n" * 4)
    with pytest.raises(InvalidDataset, match=r"its column 'ep' says to which .* leave the episode length out"):
        csv_table.read(path, Options(episode_length=2))
    without = Options(columns={"trajectory": ()}, episode_length=2)
    assert whole(csv_table.read(path, without)).ends.tolist() == [0, 2, 0, 2]


def test_blocks_meet(tmp_path, monkeypatch):
    monkeypatch.setattr("safemil_core.data.formats.sizes.BLOCK_BYTES", 1000)
    monkeypatch.setattr("safemil_core.data.formats.csv_table.BLOCK", 1000)
    n, lengths = 900, [1, 299, 300, 300]
    table = {
        "trajectory": np.repeat(np.arange(4), lengths),
        "step": np.concatenate([np.arange(length) for length in lengths]),
        "observation.0": np.arange(n, dtype=np.float32),
        "action.0": np.arange(n, dtype=np.float32) / 7,
    }
    as_parquet(tmp_path / "a.parquet", **table)
    rows = "\n".join(",".join(repr(column[i].item()) for column in table.values()) for i in range(n))
    written(tmp_path / "a.csv", ",".join(table) + "\n" + rows + "\n")
    for module, name in ((parquet_table, "a.parquet"), (csv_table, "a.csv")):
        blocks = list(module.read(tmp_path / name, ASK).steps)
        assert len(blocks) > 5
        ends = np.concatenate([block.ends for block in blocks])
        assert np.flatnonzero(ends).tolist() == [0, 299, 599, 899]
        actions = np.concatenate([block.actions for block in blocks])
        np.testing.assert_array_equal(actions[:, 0], table["action.0"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trajectory": [0, 1, 0, 1]}, "row 3 goes back to trajectory 0"),
        ({"trajectory": [0, 0, None, 1]}, "row 3 has no 'trajectory'"),
        ({"trajectory": [0.0, 0.0, float("nan"), 1.0]}, "row 3 has no 'trajectory'"),
        ({"step": [0, 0, 0, 1]}, "'step' does not rise at row 2"),
        ({"step": [0, 1, 0, float("nan")]}, "'step' does not rise at row 4"),
        ({"terminated": ["no", "yes", "no", "perhaps"]}, "other text than true and false"),
    ],
)
def test_rows_out_of_order_are_named(tmp_path, changed, said):
    path = as_parquet(tmp_path / "a", **columns(**changed))
    with pytest.raises(InvalidDataset, match=said):
        list(parquet_table.read(path, ASK).steps)


def test_a_missing_number_is_left_for_the_check_of_finiteness(tmp_path):
    path = as_parquet(tmp_path / "a", **columns(**{"action.0": [1, None, 3, 4]}))
    assert np.isnan(whole(parquet_table.read(path, ASK)).actions[1, 0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(columns={"reward": ("gain",)}), "there is no column 'gain' for the reward"),
        (Options(columns={"cost": ("step", "trajectory")}), "the cost is one column"),
        (Options(columns={"actions": ()}), "no columns are known to be actions"),
        (
            Options(columns={"rewards": ("reward",)}),
            "there is no role 'rewards' for columns; choose among observ",
        ),
        (Options(columns={"observations": ("note",)}), "the column 'note' holds string, expected numbers"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(tmp_path, options, said):
    path = as_parquet(tmp_path / "a", **columns(note=["a", "b", "c", "d"]))
    with pytest.raises(InvalidDataset, match=said):
        list(parquet_table.read(path, options).steps)


def test_what_the_dialogue_shows(tmp_path):
    made = columns(note=["a" * 100, "b", "c", "d"], nested=[[1], [2], [3], [4]])
    path = as_parquet(tmp_path / "a", **made)
    names = [name for name, _ in parquet_table.columns(path)]
    assert names == [*columns(), "note"]
    rows = parquet_table.preview(path)
    assert rows[0] == {**{name: values[0] for name, values in columns().items()}, "note": "a" * 40}
    path = written(tmp_path / "a.csv", GOOD)
    assert dict(csv_table.columns(path))["observation.x"] == "double"
    assert len(csv_table.preview(path)) == 4
    assert csv_table.preview(path)[1]["reward"] == 2


@settings(max_examples=40, deadline=None)
@given(curated_sets())
def test_what_is_written_is_read_again(curated: Curated):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        parquet_table.write(curated, path)
        assert parquet_table.detect(path)
        assert not csv_table.detect(path)
        assert_same(curated, parquet_table.read(path, ASK))
        table = pq.read_table(path)
        ones = list(curated)
        assert table["label"].to_pylist() == [one.label for one in ones for _ in range(len(one))]
        if curated.weights is not None:
            assert table["weight"].to_pylist() == [one.weight for one in ones for _ in range(len(one))]


def test_with_other_columns_chosen_an_export_is_a_table_like_any_other(tmp_path):
    curated = Curated(
        trajectories=TrajectorySet(
            np.array([[1, 2], [3, 4]], np.float32), np.array([[0], [1]], np.float32), np.array([0, 2])
        ),
        chosen=np.array([0]),
        about=About((Part("", (2,)),), (Part("", (), "int64", 2),)),
        labels=np.array(["preferred"]),
    )
    parquet_table.write(curated, tmp_path / "a")
    options = Options(
        columns={"observations": ("observation.observation 1",), "actions": ("observation.observation 0",)}
    )
    recording = parquet_table.read(tmp_path / "a", options)
    assert recording.about.actions == (Part("", (1,)),)
    assert recording.about.labels == {}
    np.testing.assert_array_equal(whole(recording).actions, [[1], [3]])


def test_an_export_whose_names_are_numbers_keeps_the_order_of_its_parts(tmp_path):
    values = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    curated = Curated(
        trajectories=TrajectorySet(values, values[:, :2], np.array([0, 2]), final_observations=values[:1]),
        chosen=np.array([0]),
        about=About((Part("", (3,)),), (Part("", (2,)),), observation_names=("0", "10", "2"), action_names=("1", "0")),
        labels=np.array(["none"]),
    )
    parquet_table.write(curated, tmp_path / "a")
    assert_same(curated, parquet_table.read(tmp_path / "a", ASK))


@settings(max_examples=20, deadline=None)
@given(curated_sets())
def test_a_block_of_every_step_is_read_the_same(curated: Curated):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("safemil_core.data.formats.sizes.BLOCK_BYTES", 1)
        parquet_table.write(curated, Path(folder) / "a")
        assert_same(curated, parquet_table.read(Path(folder) / "a", ASK))


# Hostile files


def test_columns_of_numbers_are_a_table_whatever_they_are_called(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert csv_table.detect(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\n", b"PAR1", b"PAR1PAR1", b"a,b\nx,y\n", b"episode,\0\n", b"\xff\xfe\n", b"episode;t"),
        b"episode,obs_0" + b"," * 2**20,
    ],
)
def test_other_files_are_not_taken_for_csv(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert not csv_table.detect(path)
    assert not csv_table.detect(tmp_path)
    assert not parquet_table.detect(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("episode,episode,obs_0,act_0\n1,1,1,1\n", "two of its columns"),
        ("episode,obs_0,act_0\n1,x,1\n", "the column 'obs_0' holds string"),
        ("episode,obs_0,act_0\n1,1,1\n1,1\n", "does not fit its columns"),
        ("episode,obs_0,act_0\n1,1,1\n" + '1,"1' + "\n,1" * 20, "does not fit its columns"),
        ("episode,obs_0\n1,1\n", "known to be actions"),
        (",".join(f"obs_{i}" for i in range(10_001)) + "\n", "more than 10000"),
    ],
)
def test_a_bad_csv_is_refused_in_one_sentence(tmp_path, content, said):
    with pytest.raises(InvalidDataset, match=said) as problem:
        list(csv_table.read(written(tmp_path / "a.csv", content), ASK).steps)
    assert "\n" not in str(problem.value)


def test_a_parquet_file_of_one_value_a_billion_times_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("safemil_core.data.formats.sizes.SUSPICIOUS_BYTES", 2**20)
    n = 2**20
    table = {name: np.zeros(n, dtype=np.float32) for name in columns()}
    with pytest.raises(InvalidDataset, match="declares"):
        parquet_table.read(as_parquet(tmp_path / "a", **table), ASK)


def test_two_parquet_columns_of_one_name_are_refused(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["step", "step"]), tmp_path / "a")
    with pytest.raises(InvalidDataset, match="two of its columns"):
        parquet_table.read(tmp_path / "a", ASK)


def test_damaged_bytes_end_in_one_sentence_or_are_read(tmp_path):
    good = as_parquet(tmp_path / "good", **columns()).read_bytes()
    rng, path = np.random.default_rng(0), tmp_path / "bad"
    for _ in range(300):
        bad = bytearray(good)
        for at in rng.integers(4, len(bad) - 4, size=rng.integers(1, 5)):
            bad[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        try:
            list(parquet_table.read(path, ASK).steps)
        except InvalidDataset as problem:
            assert "\n" not in str(problem)


@pytest.mark.parametrize("module", [csv_table, parquet_table])
def test_whole_numbers_that_would_be_rounded_are_refused(tmp_path, module):
    times = [1_700_000_000 + second for second in range(4)]
    table = columns(**{"observation.1": times})
    path = as_parquet(tmp_path / "a.parquet", **table)
    if module is csv_table:
        path = written(tmp_path / "a.csv", pa_csv_text(path))
    with pytest.raises(InvalidDataset, match="whole numbers above 16,777,216 like 1700000001 would be rounded"):
        whole(module.read(path, ASK))
    halves = columns(**{"observation.1": [value + 0.5 for value in times]})  # measured, not counted
    assert whole(parquet_table.read(as_parquet(tmp_path / "b", **halves), ASK)).observations.shape == (4, 2)


def pa_csv_text(path: Path) -> str:
    return pq.read_table(path).to_pandas().to_csv(index=False)
