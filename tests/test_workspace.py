"""Where everything lies, and files that appear whole."""

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.errors import InvalidConfig, NotReady
from safemil_core.workspace import Workspace, as_name, file_lock, harmless, held, is_name, whole_file


def test_the_environment_says_where_else_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAFEMIL_WORKSPACE", raising=False)
    assert Workspace.default().root == tmp_path / "workspace"
    monkeypatch.setenv("SAFEMIL_WORKSPACE", str(tmp_path / "elsewhere"))
    assert Workspace.default().root == tmp_path / "elsewhere"
    monkeypatch.setenv("SAFEMIL_WORKSPACE", "")
    assert Workspace.default().root == tmp_path / "workspace"


def test_the_place_does_not_move_with_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(type(tmp_path)("here"))
    monkeypatch.chdir("/")
    assert workspace.root == tmp_path / "here"


def test_asking_for_a_place_makes_it_and_naming_a_workspace_does_not(workspace):
    assert not workspace.root.exists()
    for place in (workspace.datasets, workspace.runs, workspace.uploads, workspace.replay("abc", 3).parent):
        assert place.is_dir()
        assert place.is_relative_to(workspace.root)
    assert workspace.database.parent == workspace.root


def test_a_workspace_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidConfig, match=r"file is a file; name a folder"):
        Workspace(tmp_path / "file")


def test_the_home_of_nobody_is_refused():
    with pytest.raises(InvalidConfig, match="there is no home folder for '~nobody-here/x'; name the folder itself"):
        Workspace(Path("~nobody-here/x"))


@pytest.mark.parametrize("name", ["walks.hdf5", "../../etc/passwd", "/etc/passwd", "a\x00b", "...", "", "ü" * 300])
def test_an_upload_lies_inside_the_workspace_whatever_it_is_called(workspace, name):
    with workspace.received(name, io.BytesIO(b"content")) as path:
        assert path.read_bytes() == b"content"
        assert path.resolve().is_relative_to(workspace.uploads)
    assert list(workspace.uploads.iterdir()) == []


def test_a_very_long_name_of_an_upload_keeps_its_front_and_its_ending():
    assert harmless("my walks.hdf5") == "my_walks.hdf5"
    name = harmless("car_circle_of_tuesday_" + 300 * "x" + "_seed_7.hdf5")
    assert (len(name), name[:22], name[-12:]) == (100, "car_circle_of_tuesday_", "_seed_7.hdf5")


def test_an_upload_is_removed_after_an_error_too(workspace):
    with pytest.raises(RuntimeError), workspace.received("walks.hdf5", io.BytesIO(b"content")):
        raise RuntimeError
    assert list(workspace.uploads.iterdir()) == []


def test_a_folder_aside_is_gone_but_for_what_was_renamed_out_of_it(workspace):
    with workspace.aside(workspace.runs) as first, workspace.aside(workspace.runs) as second:
        (first / "file").write_text("first")
        (second / "file").write_text("second")
        first.rename(workspace.runs / "kept")
    with pytest.raises(OSError, match="full"), workspace.aside(workspace.runs) as third:
        (third / "half").write_text("half")
        raise OSError("the disk is full")
    assert [path.name for path in workspace.runs.rglob("*")] == ["kept", "file"]
    assert (workspace.runs / "kept" / "file").read_text() == "first"


def test_what_a_killed_process_left_aside_is_removed_by_the_next_one(workspace):
    begun = f"import io, os; from safemil_core.workspace import *; here = Workspace(Path({str(workspace.root)!r}))"
    for block in (
        "with here.received('walks.hdf5', io.BytesIO(b'content')): os.kill(os.getpid(), 9)",
        "(here.uploads / 'old').mkdir()\nwith here.removing(here.uploads / 'old'): os.kill(os.getpid(), 9)",
    ):
        killed = subprocess.run([sys.executable, "-c", f"{begun}\n{block}"], check=False)
        assert killed.returncode == -signal.SIGKILL
    assert len(list(workspace.uploads.iterdir())) == 2
    with workspace.aside(workspace.runs):
        assert len(list(workspace.uploads.iterdir())) == 2
    with workspace.aside(workspace.uploads) as mine, workspace.aside(workspace.uploads) as other:
        assert {path.parent for path in (mine, other)} == set(workspace.uploads.iterdir())
    assert list(workspace.uploads.iterdir()) == []


def test_a_folder_is_removed_at_once_and_read_for_the_last_time(workspace):
    (workspace.runs / "old").mkdir()
    (workspace.runs / "old" / "file").write_text("content")
    with pytest.raises(RuntimeError), workspace.removing(workspace.runs / "old") as gone:
        assert not (workspace.runs / "old").exists()
        assert (gone / "file").read_text() == "content"
        raise RuntimeError
    assert list(workspace.runs.iterdir()) == []


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "config.json"
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


def test_two_writers_of_the_same_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "wanted.json"
    with whole_file(path) as first:
        first.write_text("first")
        with whole_file(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_file_lock_is_held_by_one_or_shared_and_can_be_waited_for(tmp_path):
    path = tmp_path / "lock"
    with file_lock(path) as is_first, file_lock(path) as is_second, file_lock(path, is_shared=True) as is_third:
        assert (is_first, is_second, is_third) == (True, False, False)
    with file_lock(path, is_shared=True) as is_first, file_lock(path, is_shared=True) as is_second:
        assert is_first
        assert is_second
        with file_lock(path) as is_alone:
            assert not is_alone
    shared = file_lock(path, is_shared=True)
    shared.__enter__()
    threading.Timer(0.05, shared.__exit__, (None, None, None)).start()
    with file_lock(path, patience_s=60) as is_alone:
        assert is_alone


def test_who_waits_too_long_for_a_lock_is_told_whose_it_is(workspace, monkeypatch):
    monkeypatch.setattr("safemil_core.workspace.PATIENCE_S", 0.0)
    with held(workspace.datasets_lock):
        said = r"another process has held .*datasets\.lock for 0 s; end that, and do it again"
        with pytest.raises(NotReady, match=said), held(workspace.datasets_lock):
            pass
    with held(workspace.datasets_lock):
        pass


@pytest.mark.parametrize("is_durable", [True, False])
def test_a_file_that_is_to_last_is_on_disk_before_it_appears(tmp_path, monkeypatch, is_durable):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append((os.fstat(number).st_ino, path.exists())))
    path = tmp_path / "row.json"
    with whole_file(path, is_durable=is_durable) as temporary:
        temporary.write_text("{}")
    assert synced == ([(path.stat().st_ino, False)] if is_durable else [])


@given(st.text(max_size=200))
def test_any_text_has_a_nearest_name(text):
    assert is_name(as_name(text))


@pytest.mark.parametrize("text", ["walks", "car_circle", "a", "0-1", "w" * 64])
def test_a_name_is_its_own_nearest_name(text):
    assert is_name(text)
    assert as_name(text) == text


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "A", "a b", "-a", "_a", "a\n", "w" * 65, "ä"])
def test_what_could_leave_the_workspace_or_break_a_link_is_no_name(text):
    assert not is_name(text)
