"""NPZ files, as numpy writes them and as somebody hostile would."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from curated_strategy import assert_same, curated_sets
from hypothesis import given, settings

from safemil_core.data.curated import Curated
from safemil_core.data.formats import npz
from safemil_core.data.formats.flat_arrays import Ends
from safemil_core.data.recording import CUT_OFF, TERMINATED, Options, Part, Recording, Steps
from safemil_core.errors import InvalidDataset

ASK = Options()


def flat(n: int = 6) -> dict[str, np.ndarray]:
    ends = np.zeros(n, dtype=bool)
    ends[[2, n - 1]] = True
    return {
        "observations": np.arange(2 * n, dtype=np.float32).reshape(n, 2),
        "next_observations": np.arange(2 * n, dtype=np.float32).reshape(n, 2) + 100,
        "actions": np.ones((n, 1)),
        "rewards": np.arange(n, dtype=np.float64),
        "costs": np.zeros((n, 1), dtype=np.float32),
        "terminals": np.zeros(n, dtype=bool),
        "timeouts": ends,
    }


def saved(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def whole(recording: Recording) -> Steps:
    blocks = list(recording.steps)
    assert len(blocks) == 1
    return blocks[0]


def test_dsrl_names(tmp_path):
    recording = npz.read(saved(tmp_path / "a.npz", **flat()), ASK)
    assert recording.about.observations == (Part("", (2,)),)
    assert (recording.about.n_steps, recording.about.has_rewards, recording.about.has_costs) == (6, True, True)
    steps = whole(recording)
    assert steps.ends.tolist() == [0, 0, CUT_OFF, 0, 0, CUT_OFF]
    np.testing.assert_array_equal(steps.final_observations, [[104, 105], [110, 111]])
    np.testing.assert_array_equal(steps.rewards, np.arange(6))
    assert steps.actions.dtype == np.float32


def test_omnisafe_names(tmp_path):
    n = 4
    done = np.array([[0], [1], [0], [1]], dtype=np.float32)
    path = saved(
        tmp_path / "a.npz",
        obs=np.zeros((n, 3), np.float32),
        action=np.zeros((n, 2), np.float32),
        reward=np.zeros((n, 1), np.float32),
        cost=np.ones((n, 1), np.float32),
        next_obs=np.ones((n, 3), np.float32),
        done=done,
        init_obs=np.zeros((n, 3), np.float32),
    )
    recording = npz.read(path, ASK)
    steps = whole(recording)
    assert steps.ends.tolist() == [0, CUT_OFF, 0, CUT_OFF]
    assert steps.costs.tolist() == [1, 1, 1, 1]
    assert recording.about.notes == ("init_obs: not read, no known names",)


def test_safedice_names(tmp_path):
    path = saved(
        tmp_path / "a.npz",
        init_states=np.zeros((4, 3)),
        states=np.zeros((4, 3)),
        actions=np.zeros((4, 2)),
        next_states=np.zeros((4, 3)),
        costs=np.zeros((4, 1)),
        rewards=np.zeros((4, 1)),
        dones=np.zeros((4, 1)),
    )
    with pytest.raises(InvalidDataset, match="give the length of an episode"):
        npz.read(path, ASK)
    steps = whole(npz.read(path, Options(episode_length=2)))
    assert steps.ends.tolist() == [0, CUT_OFF, 0, CUT_OFF]


def test_episodes_end_at_flags_and_after_a_length_across_blocks():
    ends = Ends(length=3)
    flags = np.array([0, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    found = [ends.of({"terminals": flags[start : start + 4]}, 4) for start in (0, 4)]
    assert np.concatenate(found).tolist() == [0, TERMINATED, 0, 0, CUT_OFF, 0, 0, CUT_OFF]


def test_choices_and_images(tmp_path):
    arrays = {**flat(), "actions": np.array([0, 3, 1, 0, 2, 2])}
    del arrays["next_observations"]
    arrays["observations"] = np.arange(6 * 4 * 5 * 3).astype(np.uint8).reshape(6, 4, 5, 3)
    recording = npz.read(saved(tmp_path / "a.npz", **arrays), ASK)
    assert recording.about.observations == ()
    assert recording.about.images == (Part("observations", (4, 5, 3), "uint8"),)
    assert recording.about.actions == (Part("", (), "int64", 4),)
    steps = whole(recording)
    assert steps.observations.shape == (6, 0)
    np.testing.assert_array_equal(steps.images["observations"], arrays["observations"])
    assert steps.final_observations is None


def test_fortran_order_is_turned(tmp_path):
    arrays = {**flat(), "observations": np.asfortranarray(flat()["observations"])}
    steps = whole(npz.read(saved(tmp_path / "a.npz", **arrays), ASK))
    np.testing.assert_array_equal(steps.observations, flat()["observations"])


def test_blocks_meet(tmp_path, monkeypatch):
    monkeypatch.setattr("safemil_core.data.formats.sizes.BLOCK_BYTES", 64)
    blocks = list(npz.read(saved(tmp_path / "a.npz", **flat(50)), ASK).steps)
    assert len(blocks) > 10
    np.testing.assert_array_equal(np.concatenate([b.observations for b in blocks]), flat(50)["observations"])


@settings(max_examples=40, deadline=None)
@given(curated_sets())
def test_what_is_written_is_read_again(curated: Curated):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        npz.write(curated, path)
        assert npz.detect(path)
        assert_same(curated, npz.read(path, ASK))
        with np.load(path, allow_pickle=False) as arrays:
            labels = [npz.LABELS[label] for label in arrays["trajectory_labels"]]
            assert arrays["actions"].shape[0] == curated.n_steps
        assert labels == [one.label for one in curated]


@settings(max_examples=20, deadline=None)
@given(curated_sets())
def test_a_block_of_every_step_is_read_the_same(curated: Curated):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("safemil_core.data.formats.sizes.BLOCK_BYTES", 1)
        npz.write(curated, Path(folder) / "a")
        assert_same(curated, npz.read(Path(folder) / "a", ASK))


# Hostile files


def member(name: str, content: bytes, **how: object) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    for key, value in how.items():
        setattr(info, key, value)
    return info, content


def npy(array: np.ndarray, *, shape: tuple[int, ...] | None = None, pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=pickle)
    data = buffer.getvalue()
    if shape is None:
        return data
    header = io.BytesIO()
    described = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue() + array.tobytes()


def archive(path: Path, **members: bytes) -> Path:
    good = {f"{name}.npy": npy(array) for name, array in flat().items()}
    with zipfile.ZipFile(path, "w") as made:
        for name, content in {**good, **members}.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return path


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"observations.npy": npy(np.array([{}] * 6, dtype=object), pickle=True)}, "pickled objects"),
        ({"infos.npy": npy(np.array([print], dtype=object), pickle=True)}, "pickled objects"),
        ({"observations.npy": npy(np.array(["a"] * 6))}, "expected numbers"),
        ({"observations.npy": npy(np.zeros((6, 2)), shape=(6, 2**40))}, "declares"),
        ({"observations.npy": npy(np.zeros((6, 2)), shape=(6, 2**62))}, "cannot be"),
        ({"observations.npy": npy(np.zeros((6, 2)), shape=(6, -1))}, "cannot be"),
        ({"observations.npy": npy(np.zeros((6, 2)))[:-1]}, "declares"),
        ({"observations.npy": b"\x93NUMPY\x01\x00v\x00{'descr': __import__('os')}" + b" " * 200}, "damaged"),
        ({"observations.npy": b"\x93NUMPY\x03\x00"}, "version"),
        ({"observations.npy": b""}, "damaged"),
        ({"observations.npy": npy(np.zeros((5, 2)))}, "5 steps"),
        ({"rewards.npy": npy(np.zeros((6, 2)))}, "one value a step"),
        ({"actions.npy": npy(np.array(3.0))}, "steps"),
        ({"../../evil.npy": npy(np.zeros(1))}, "leads outside"),
        ({"/etc/evil.npy": npy(np.zeros(1))}, "leads outside"),
        ({"C:\\evil.npy": npy(np.zeros(1))}, "leads outside"),
        ({"a.pkl": b"cos\nsystem\n"}, "is no array"),
        ({"safemil.npy": npy(np.frombuffer(b"[1]", dtype=np.uint8))}, "notes are damaged"),
    ],
)
def test_what_is_not_to_be_trusted_is_refused_in_one_sentence(tmp_path, members, said):
    path = archive(tmp_path / "a.npz", **members)
    with pytest.raises(InvalidDataset, match=said) as problem:
        list(npz.read(path, ASK).steps)
    assert "\n" not in str(problem.value)


def test_a_bomb_is_refused_before_it_unpacks(tmp_path, monkeypatch):
    monkeypatch.setattr("safemil_core.data.formats.sizes.SUSPICIOUS_BYTES", 2**20)
    path = saved(tmp_path / "a.npz", **{**flat(), "observations": np.zeros((6, 2**20), dtype=np.float32)})
    with pytest.raises(InvalidDataset, match="declares"):
        npz.read(path, ASK)


def test_two_members_of_one_name_are_refused(tmp_path):
    path = archive(tmp_path / "a.npz")
    with zipfile.ZipFile(path, "a") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr("actions.npy", npy(np.zeros((6, 1))))
    with pytest.raises(InvalidDataset, match="two members"):
        npz.read(path, ASK)


def test_unusual_packing_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as made:
        for name, array in flat().items():
            made.writestr(f"{name}.npy", npy(array))
    with pytest.raises(InvalidDataset, match="unusual"):
        npz.read(path, ASK)


def test_damaged_bytes_end_in_one_sentence_or_are_read(tmp_path):
    good = saved(tmp_path / "good.npz", **flat()).read_bytes()
    rng, path = np.random.default_rng(0), tmp_path / "bad.npz"
    for _ in range(300):
        bad = bytearray(good)
        for at in rng.integers(len(bad), size=rng.integers(1, 5)):
            bad[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad[: int(rng.integers(1, len(bad) + 1))] if rng.random() < 0.3 else bad)
        npz.detect(path)
        try:
            list(npz.read(path, ASK).steps)
        except InvalidDataset as problem:
            assert "\n" not in str(problem)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"PK\x05\x06" + b"\0" * 18])
def test_other_files_are_not_taken_for_npz(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert not npz.detect(path)
    assert not npz.detect(tmp_path)
    assert not npz.detect(tmp_path / "missing")
