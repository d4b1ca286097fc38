"""Files made up to harm: refused in one sentence, quickly, in little memory, with nothing read outside and none left.

SAFEMIL_MUTANTS=500 tries so many damaged files of each format instead of a few.
"""

import os
import shutil

import numpy as np
import pytest
from hostile_files import CORPUS, SECRET, damaged, server, valid_files

from safemil_core.data import formats
from safemil_core.data.datasets import DatasetStore
from safemil_core.errors import InvalidDataset

MUTANTS = int(os.environ.get("SAFEMIL_MUTANTS", "20"))
MOST_S = 5.0
MOST_MB = 1024


@pytest.fixture(scope="module")
def attempt():
    with server() as attempt:
        yield attempt


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return valid_files(tmp_path_factory.mktemp("valid"))


@pytest.mark.parametrize("trick", CORPUS)
def test_a_hostile_file_is_refused_in_one_sentence(tmp_path, attempt, trick):
    make, words = CORPUS[trick]
    path = make(tmp_path)
    outcome = attempt(path, tmp_path / "into")
    assert outcome.message.startswith(path.name), outcome
    assert words in outcome.message
    assert "\n" not in outcome.message
    assert outcome.seconds < MOST_S
    assert outcome.peak_mb < MOST_MB
    assert not (tmp_path / "pickle-ran").exists()
    assert not any(SECRET[:20] in file.read_bytes() for file in (tmp_path / "into").rglob("*") if file.is_file())


@pytest.mark.parametrize("trick", ["external storage", "gzip bomb", "pickle in npz"])
def test_nothing_of_a_hostile_file_remains_in_the_workspace(tmp_path, workspace, trick):
    path = CORPUS[trick][0](tmp_path)
    store = DatasetStore.of(workspace)
    with pytest.raises(InvalidDataset, match=path.name):
        store.add(path, name="walks")
    assert list(workspace.datasets.iterdir()) == []
    assert store.list() == []


@pytest.mark.parametrize("name", formats.FORMATS)
def test_the_files_that_are_damaged_below_are_valid(valid, name, tmp_path, attempt):
    assert formats.detect(valid[name]) == name
    outcome = attempt(valid[name], tmp_path / "into")
    assert outcome.report["built"]["n_trajectories"] == 3, outcome


@pytest.mark.parametrize("name", formats.FORMATS)
def test_damaged_files_are_read_or_refused_in_one_sentence(valid, name, tmp_path, attempt):
    rng = np.random.default_rng(list(name.encode()))
    mutant, into = tmp_path / valid[name].name, tmp_path / "into"
    for number in range(MUTANTS):
        damaged(valid[name], mutant, rng)
        outcome = attempt(mutant, into)
        assert outcome.is_clean, (number, outcome)
        assert outcome.seconds < MOST_S, (number, outcome)
        assert outcome.peak_mb < MOST_MB, (number, outcome)
        for left in (mutant, into):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
