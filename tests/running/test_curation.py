"""Exports of curated subsets: each appears whole, or not at all, under the name that it was given."""

import json
import zipfile

import pytest
from factories import add_dataset, dsrl_arrays, store_of

from safemil_core.data import formats
from safemil_core.running.curation import curate, export_curated, export_into


@pytest.fixture
def datasets(workspace):
    add_dataset(workspace, "walks", dsrl_arrays())
    return store_of(workspace)


def test_a_minari_dataset_is_called_as_its_folder(workspace, datasets, tmp_path):
    export_curated("Minari", curate(datasets, "walks"), tmp_path / "my-data-v3")
    assert json.loads((tmp_path / "my-data-v3/data/metadata.json").read_text())["dataset_id"] == "my-data-v3"
    exported = export_into(workspace, datasets, "walks", "Minari", keep="all", run=None)
    metadata = json.loads(zipfile.ZipFile(exported.path).read("data/metadata.json"))
    assert metadata["dataset_id"] == "walks-all-minari-v0"


def test_nothing_remains_of_an_export_that_failed(datasets, tmp_path, monkeypatch):
    def fail(_format_name, _curated, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(formats, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        export_curated("NPZ", curate(datasets, "walks"), tmp_path / "a.npz")
    assert list(tmp_path.glob("*.npz")) == list(tmp_path.glob(".*")) == []
