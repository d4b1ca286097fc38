"""The parent of the reading process: results, progress, and each way in which a process can end, as one sentence."""

import errno
import json
import re
import shutil
import time
import zipfile
from pathlib import Path

import pytest
from factories import CAR_CIRCLE, dsrl_arrays, write_dsrl

from safemil_core.data.intake import confined as intake
from safemil_core.data.intake.limits import Limits
from safemil_core.data.recording import Options
from safemil_core.errors import InvalidDataset, NotFound


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Put another program in the place of the reading process."""
    package = tmp_path / "fake" / "safemil_core" / "data" / "intake"

    def replace_by(program):
        package.mkdir(parents=True)
        for folder in (package, package.parent, package.parent.parent):
            (folder / "__init__.py").write_text("")
        (package / "process.py").write_text(f"import os, signal, sys, time\n{program}")
        monkeypatch.setitem(intake._ENVIRONMENT, "PYTHONPATH", str(tmp_path / "fake"))

    return replace_by


def test_the_bundled_dataset_is_built_and_progress_is_told(into):
    told = []
    file_format, built = intake.build([CAR_CIRCLE], Options(), into, on_progress=lambda *steps: told.append(steps))
    assert file_format == "DSRL HDF5"
    assert (built.n_trajectories, built.n_steps) == (359, 107_700)
    assert built.about.env_id == "SafetyCarCircle-v0"
    assert len(built.observations.mean) == 8
    assert told
    assert all(0 < done <= total == 107_700 for done, total in told)


def test_several_files_make_one_dataset(into, tmp_path):
    paths = [write_dsrl(tmp_path / f"{seed}.hdf5", dsrl_arrays(seed=seed)) for seed in range(2)]
    assert intake.build(paths, Options(), into)[1].n_trajectories == 6


def test_an_archive_is_named_by_its_own_name(tmp_path, into):
    path = Path(shutil.make_archive(str(tmp_path / "walks"), "zip", write_dsrl(into / "a.hdf5").parent))
    (into / "a.hdf5").unlink()
    assert intake.build([path], Options(), into)[1].n_trajectories == 3
    with zipfile.ZipFile(tmp_path / "notes.zip", "w") as archive:
        archive.writestr("a.txt", "hello")
        archive.writestr("b.txt", "hello")
    with pytest.raises(InvalidDataset, match=r"^notes\.zip is not a Minari"):
        intake.build([tmp_path / "notes.zip"], Options(), into)


def test_what_a_file_is_before_anything_is_made_of_it(tmp_path):
    assert intake.inspect(CAR_CIRCLE) == intake.Inspected("DSRL HDF5")
    table = tmp_path / "walks.csv"
    table.write_text("episode,observation.x,action.u\n0,1.5,2\n0,2.5,3\n")
    found = intake.inspect(table)
    assert found.format == "CSV"
    assert [name for name, _ in found.columns] == ["episode", "observation.x", "action.u"]
    assert len(found.preview) == 2
    assert found.guess["actions"] == ("action.u",)


def test_a_refusal_keeps_its_kind_and_sentence(tmp_path, into):
    with pytest.raises(NotFound, match=re.escape(f"{tmp_path / 'no.hdf5'}: there is no such file")):
        intake.build([tmp_path / "no.hdf5"], Options(), into)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(
        InvalidDataset, match=r"notes\.txt is not a Minari, LeRobot, .* file; convert it or choose another"
    ):
        intake.inspect(tmp_path / "notes.txt")


def test_a_file_over_the_limit_is_refused(into):
    with pytest.raises(InvalidDataset, match=r"car_circle\.hdf5 is larger than"):
        intake.build([CAR_CIRCLE], Options(), into, limits=Limits(most_bytes=2**20))


def test_a_reader_that_computes_for_too_long_hangs(into):
    with pytest.raises(InvalidDataset, match=r"car_circle\.hdf5 made its reader hang; it is damaged or hostile"):
        intake.build([CAR_CIRCLE], Options(), into, limits=Limits(stall_s=0.01))


def test_a_reader_that_says_nothing_hangs(process, into):
    process("time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(InvalidDataset, match=r"car_circle\.hdf5 made its reader hang"):
        intake.build([CAR_CIRCLE], Options(), into, limits=Limits(silence_s=0.2))
    assert time.monotonic() - began < 30  # it was not waited for


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "a.hdf5 made its reader crash; it is damaged or hostile"),
        ("os.kill(os.getpid(), signal.SIGPROF)", "a.hdf5 made its reader hang; it is damaged or hostile"),
        ("sys.exit(1)", "a.hdf5 made its reader crash"),
        ("print('{\"exhausted\": true}')", "a.hdf5 needs more than 1024 MiB of memory"),
        ('print(\'{"failed": "Traceback\\\\nKeyError: 3"}\')', "a.hdf5 made its reader fail (KeyError: 3)"),
        ('print(\'{"reading": "b.hdf5"}\', flush=True); os.abort()', "b.hdf5 made its reader crash"),
    ],
)
def test_every_end_of_the_process_is_one_sentence(process, tmp_path, into, program, sentence):
    process(program)
    with pytest.raises(InvalidDataset) as caught:
        intake.build([tmp_path / "a.hdf5"], Options(), into)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_what_the_process_says_can_be_shown(process, tmp_path, into):
    process(
        f"print({json.dumps(json.dumps({'refused': ['InvalidDataset', 'a' + chr(0xD800) + chr(0) + '.hdf5: bad']}))})"
    )
    with pytest.raises(InvalidDataset, match=r"^a\.hdf5: bad$"):
        intake.build([tmp_path / "a.hdf5"], Options(), into)


def test_a_full_disk_is_what_it_is(process, tmp_path, into):
    process(f"print({json.dumps(json.dumps({'system': [errno.ENOSPC, 'No space left on device', 'actions.npy']}))})")
    with pytest.raises(OSError, match="No space left on device") as caught:
        intake.build([tmp_path / "a.hdf5"], Options(), into)
    assert caught.value.errno == errno.ENOSPC


def test_whoever_gives_up_waiting_ends_the_process(process, tmp_path, into):
    process("print('{\"steps\": [1, 2]}', flush=True); time.sleep(60)")

    def give_up(_done, _all):
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        intake.build([tmp_path / "a.hdf5"], Options(), into, on_progress=give_up)
    assert time.monotonic() - began < 30
