"""Recordings become the files of a dataset: nothing depends on how they were cut into blocks, and all is checked."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from curated_strategy import curated_sets
from factories import trajectory_set
from hypothesis import given, settings
from hypothesis import strategies as st

from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Clip, Part, Recording, Steps
from safemil_core.data.storage import about_json
from safemil_core.data.storage.build import build
from safemil_core.data.storage.trajectory_table import read_table
from safemil_core.data.storage.versions import recording_of
from safemil_core.errors import InvalidDataset

ABOUT = About((Part("", (3,)),), (Part("", (2,)),), has_rewards=True, has_costs=True)


def recording(*lengths, about=ABOUT, seed=0, ends=None, **changes):
    """Random trajectories of these lengths in one block, with changed arrays."""
    of = trajectory_set(*lengths, seed=seed)
    codes = np.zeros(of.n_steps, np.uint8)
    codes[of.offsets[1:] - 1] = CUT_OFF if ends is None else ends
    arrays = {key: getattr(of, key) for key in ("observations", "actions", "rewards", "costs")}
    return Recording(about, iter([Steps(**{**arrays, "ends": codes, **changes})]))


def cut(block, places):
    """The same steps in several blocks."""
    places = sorted({0, *places, len(block)})
    for start, stop in pairwise(places):
        before, within = (np.count_nonzero(block.ends[:place]) for place in (start, stop))
        yield Steps(
            **{
                key: None if getattr(block, key) is None else getattr(block, key)[start:stop]
                for key in ("observations", "actions", "ends", "rewards", "costs")
            },
            images={name: shown[start:stop] for name, shown in block.images.items()},
            final_observations=None if block.final_observations is None else block.final_observations[before:within],
            final_images={name: shown[before:within] for name, shown in block.final_images.items()},
        )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.npy")}


@settings(max_examples=30)
@given(curated_sets(), st.lists(st.integers(0, 20), max_size=6))
def test_how_steps_are_cut_into_blocks_makes_no_difference(tmp_path_factory, curated, places):
    whole, pieces = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("pieces")
    about = replace(
        curated.about,
        has_rewards=curated.trajectories.rewards is not None,
        has_costs=curated.trajectories.costs is not None,
    )
    blocks = list(recording_of(curated.trajectories, about).steps)
    first = build([("", Recording(about, iter(blocks)))], whole)
    cut_up = [piece for block in blocks for piece in cut(block, [place for place in places if place < len(block)])]
    second = build([("", Recording(about, iter(cut_up)))], pieces)
    assert first.id == second.id
    assert contents(whole) == contents(pieces)
    one, other = (read_table(folder / "table.parquet") for folder in (whole, pieces))
    np.testing.assert_allclose(one.to_numpy(), other.to_numpy(), rtol=1e-9, atol=1e-9 * (1 + abs(one.to_numpy())).max())


def test_the_table_says_what_numpy_says(tmp_path):
    of = trajectory_set(5, 3, 4)
    built = build([("", recording(5, 3, 4))], tmp_path)
    table = read_table(tmp_path / "table.parquet")
    assert table["trajectory"].tolist() == [0, 1, 2]
    assert table["length"].tolist() == [5, 3, 4]
    np.testing.assert_allclose(table["return"], of.returns())
    np.testing.assert_allclose(table["true_cost"], of.true_costs())
    for i in range(3):
        np.testing.assert_allclose(table[f"mean {i}"], [one.observations[:, i].mean() for one in of], rtol=1e-6)
        np.testing.assert_allclose(table[f"spread {i}"], [one.observations[:, i].std() for one in of], rtol=1e-6)
    np.testing.assert_allclose(table["action spread 1"], [one.actions[:, 1].std() for one in of], rtol=1e-6)
    moved = [np.linalg.norm(one.observations[-1] - one.observations[0]) for one in of]
    np.testing.assert_allclose(table["displacement"], moved, rtol=1e-6)
    np.testing.assert_allclose(built.observations.mean, of.observations.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(built.observations.std, of.observations.std(axis=0), rtol=1e-5)
    assert built.observations.low == tuple(of.observations.min(axis=0).astype(float))
    assert built.actions.high == tuple(of.actions.max(axis=0).astype(float))


def test_the_spread_of_large_numbers_that_vary_little_is_not_lost(tmp_path):
    values = (1e4 + np.arange(12)[:, None] * np.ones(3)).astype(np.float32)
    build([("", recording(12, observations=values))], tmp_path)
    assert read_table(tmp_path / "table.parquet")["spread 0"][0] == pytest.approx(np.arange(12).std(), rel=1e-9)


def test_equal_trajectories_have_equal_keys_wherever_they_are(tmp_path):
    for name, of in (("one", recording(5, 3, 4)), ("other", recording(5, 3, 4, costs=np.zeros(12, np.float32)))):
        (tmp_path / name).mkdir()
        build([("", of), ("", recording(5, 3, 4))], tmp_path / name)
    one, other = (np.load(tmp_path / name / "keys.npy") for name in ("one", "other"))
    np.testing.assert_array_equal(one[:3], one[3:])
    np.testing.assert_array_equal(one[3:], other[3:])
    costly = [trajectory.costs.any() for trajectory in trajectory_set(5, 3, 4)]
    assert [(a != b).any() for a, b in zip(one[:3], other[:3], strict=True)] == costly
    assert len({key.tobytes() for key in one}) == 3


def test_steps_after_the_last_end_of_each_file_are_left_out(tmp_path):
    tail = recording(5, 4, ends=np.array([TERMINATED, 0]), rewards=np.append(np.zeros(8), np.nan).astype(np.float32))
    built = build([("a.hdf5", tail), ("b.hdf5", recording(3, seed=1))], tmp_path)
    assert built.about.notes == ("a.hdf5: 4 steps after the last episode end are left out",)
    assert np.load(tmp_path / "offsets.npy").tolist() == [0, 5, 8]
    assert np.load(tmp_path / "ends.npy").tolist() == [TERMINATED, CUT_OFF]
    np.testing.assert_array_equal(np.load(tmp_path / "actions.npy")[5:], trajectory_set(3, seed=1).actions)


def test_labels_of_several_files_go_on_counting(tmp_path):
    said = replace(
        ABOUT, labels={1: "non_preferred"}, segments={1: ((0, 2),)}, tags={"t": (0, 1)}, clips={0: Clip("a.mp4", 0, 1)}
    )
    built = build([("a", recording(5, 3, about=said)), ("b", recording(4, 6, about=said, seed=1))], tmp_path)
    assert built.about.labels == {1: "non_preferred", 3: "non_preferred"}
    assert built.about.segments == {1: ((0, 2),), 3: ((0, 2),)}
    assert built.about.tags == {"t": (0, 1, 2, 3)}
    assert built.about.clips.keys() == {0, 2}
    assert about_json.from_json((tmp_path / "about.json").read_text()) == built.about


def test_labels_of_what_is_not_there_are_left_out_and_said(tmp_path):
    said = replace(ABOUT, labels={0: "good", 7: "preferred"}, segments={1: ((2, 3),)}, tags={"t": (0, 9)})
    about = build([("", recording(5, 3, about=said))], tmp_path).about
    assert (about.labels, about.segments, about.tags) == ({}, {}, {"t": (0,)})
    assert about.notes == ("4 labels, segments or tags speak of what is not there and are left out",)


def test_rewards_and_costs_stay_only_where_every_file_has_them(tmp_path):
    without = recording(4, about=replace(ABOUT, has_costs=False, env_id="Some-v0"), costs=None)
    built = build([("a.hdf5", recording(5)), ("b.hdf5", without)], tmp_path)
    assert (built.about.has_rewards, built.about.has_costs, built.about.env_id) == (True, False, None)
    assert not (tmp_path / "costs.npy").exists()
    assert "costs are left out, because b.hdf5 has none" in built.about.notes


def test_files_of_unlike_parts_do_not_make_a_dataset(tmp_path):
    other = replace(ABOUT, actions=(Part("", (1,)), Part("grip", (1,))))
    with pytest.raises(InvalidDataset, match=r"b\.hdf5 has actions .*, a\.hdf5 has .*; import them apart"):
        build([("a.hdf5", recording(5)), ("b.hdf5", recording(5, about=other))], tmp_path)


def test_what_follows_the_last_action_is_kept_only_where_it_is_always_known(tmp_path):
    known = recording(5, final_observations=np.ones((1, 3), np.float32))
    built = build([("", known), ("", recording(4))], tmp_path)
    assert not (tmp_path / "final_observations.npy").exists()
    assert built.about.notes == ("what follows the last action is left out, because not every trajectory has it",)


def test_numbers_that_are_said_to_be_whole_and_are_not_stay_as_they_are(tmp_path):
    parts = (Part("a", dtype="int8"), Part("b", dtype="int8"), Part("c", dtype="int8", n_choices=4))
    whole = np.array([[1, 2, 3], [1, 2, 3]], np.float32)
    for place, (change, final) in enumerate(((0.5, 0), (0, 0.5))):
        folder = tmp_path / str(place)
        folder.mkdir()
        one, last = np.array([0, change, 0]), np.array([[0, final, 0]])
        seen = {"observations": whole + one, "final_observations": whole[:1] + last}
        built = build([("", recording(2, about=replace(ABOUT, observations=parts), **seen))], folder)
        assert built.about.observations == (parts[0], Part("b"), parts[2])
        assert about_json.from_json((folder / "about.json").read_text()) == built.about
        assert built.about.notes == (
            "observations b are said to be whole numbers and hold fractions, so they are float32",
        )


def test_a_choice_of_fractions_is_none(tmp_path):
    about = replace(ABOUT, actions=(Part(n_choices=3),))
    built = build([("", recording(2, about=about, actions=np.array([[0.5], [2]], np.float32)))], tmp_path)
    assert built.about.actions == (Part(),)


@pytest.mark.parametrize(
    ("part", "words"),
    [(Part(dtype="int64", n_choices=3), "expected 0 to 2"), (Part(dtype="bool"), "expected 0 to 1")],
)
def test_values_outside_what_the_parts_say_are_refused(tmp_path, part, words):
    about = replace(ABOUT, actions=(part,))
    actions = np.array([0, 1, 3, 1], np.float32)[:, None]
    with pytest.raises(InvalidDataset, match=words):
        build([("", recording(4, about=about, actions=actions))], tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rewards": np.zeros(3, np.float32)}, "'rewards' has shape"),
        ({"costs": None}, "'costs' is missing"),
        ({"observations": np.zeros((4, 2), np.float32)}, "'observations' has shape"),
        (
            {"final_observations": np.full((1, 3), np.inf, np.float32)},
            "final observation of trajectory 0 is not finite",
        ),
        ({"ends": np.zeros(1, np.uint8)}, "no trajectory that ends"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_the_files_name(tmp_path, changes, words):
    with pytest.raises(InvalidDataset, match=rf"a\.hdf5: .*{words}"):
        build([("a.hdf5", recording(4, **changes))], tmp_path)


@pytest.mark.parametrize("kind", ["observations", "actions"])
def test_what_has_no_numbers_is_refused_but_for_images(tmp_path, kind):
    about, nothing = replace(ABOUT, **{kind: (Part("", (0,)),)}), {kind: np.zeros((4, 0), np.float32)}
    with pytest.raises(InvalidDataset, match=rf"a\.npz: its {kind} have no dimensions"):
        build([("a.npz", recording(4, about=about, **nothing))], tmp_path)
    if kind == "observations":
        seen = {"shown": np.zeros((4, 2, 2, 1), np.uint8)}
        about = replace(about, images=(Part("shown", (2, 2, 1), "uint8"),))
        assert build([("", recording(4, about=about, images=seen, **nothing))], tmp_path).n_steps == 4


def test_texts_that_no_page_can_show_are_cleaned_but_for_the_paths_of_videos(tmp_path):
    said = replace(
        ABOUT,
        env_id="X\ud800\0\n-v0",
        facts={"a\ud800": "one\ntwo\0"},
        observation_names=("a\ud800", "b", "c"),
        notes=("\ud800.",),
        clips={0: Clip("bad\udcff.mp4", 0, 1)},
    )
    about = build([("\udcff.hdf5", recording(4, 2, about=said, ends=np.array([CUT_OFF, 0])))], tmp_path).about
    assert (about.env_id, about.facts) == ("X -v0", {"a": "one\ntwo"})
    assert about.observation_names == ("a", "b", "c")
    assert about.notes == (".", "2 steps after the last episode end are left out")
    assert about.clips[0].file == "bad\udcff.mp4"
    twins = replace(ABOUT, observation_names=("a\ud800", "a", "c"))
    assert build([("", recording(4, about=twins))], tmp_path).about.observation_names == ()


def test_texts_of_files_have_an_end(tmp_path):
    facts = {"k" * 300: "a" * 100_000, "task": "b" * 100_000, "more": "c" * 50_000, "last": ""}
    about = replace(ABOUT, facts=facts, observation_names=("a" * 300, "b", "c"))
    kept = build([("", recording(4, about=about))], tmp_path).about
    assert kept.facts == {"k" * 200: "a" * 100_000, "task": "b" * 100_000}
    assert kept.observation_names == ("a" * 200, "b", "c")


def test_a_part_whose_name_no_page_can_show_is_refused(tmp_path):
    about = replace(ABOUT, observations=(Part("arm\0", (3,)),))
    with pytest.raises(InvalidDataset, match=r"a\.npz: the name 'arm\\x00' is not plain text; rename it"):
        build([("a.npz", recording(4, about=about))], tmp_path)


def test_a_tag_that_cannot_be_kept_is_left_out_and_said(tmp_path):
    said = replace(ABOUT, tags={"t": (0,), "x" * 81: (0, 1), "red\tcup": (0,), " ": (1,)})
    about = build([("", recording(5, 3, about=said))], tmp_path).about
    assert about.tags == {"t": (0,)}
    assert about.notes == ("3 tags are left out: empty, unreadable or of more than 80 characters",)


def test_more_than_the_limit_is_refused(tmp_path):
    with pytest.raises(InvalidDataset, match="unpacks to more than"):
        build([("", recording(100))], tmp_path, most_bytes=1000)


def test_the_place_of_a_bad_value_is_right_across_blocks(tmp_path):
    of = recording(5, 3, 4)
    block = next(of.steps)
    block.rewards[6] = np.inf
    with pytest.raises(InvalidDataset, match="'rewards' has a value that is not finite in trajectory 1 at step 1;"):
        build([("", Recording(ABOUT, cut(block, [2, 6, 7])))], tmp_path)
