"""What tests of several folders share: a workspace of their own, and a machine that stays responsive."""

import contextlib
import importlib
import json
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

from safemil_core.workspace import Workspace

os.environ.setdefault("DSRL_SUPPRESS_IMPORT_ERROR", "1")
# These networks are tiny, here and in the processes that tests start; threads would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where torch brings triton, and a picture is drawn by Mesa, both bring LLVM; only this order of loading them holds.
with contextlib.suppress(ImportError):
    importlib.import_module("triton")

# No deadline: how fast a machine is must not decide a test.
settings.register_profile(
    "safemil", deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("safemil")


@pytest.fixture(autouse=True)
def arithmetic_stays():
    """A test that trains changes how this process computes (`prepare_process`); for the others it is as before."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
        torch.backends.mkldnn.matmul.fp32_precision = "none"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def small_disk(tmp_path):
    """A folder that is a disk of its own and soon full."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6M", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk of its own may be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def safemil(monkeypatch, capsys, tmp_path):
    """Run the console script on a workspace; gives exit code, standard output and standard error."""
    from safemil_core import cli  # only where it is needed

    monkeypatch.setenv("SAFEMIL_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("SAFEMIL_AUTHOR", "ann")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["safemil", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as left:
            code = left.code
        return code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def json_of(safemil):
    """The one JSON document that a command prints; it must print no more."""

    def call(*arguments):
        code, out, err = safemil(*arguments, "--json")
        assert code == 0, err
        assert out.count("\n") == 1
        return json.loads(out)

    return call


@pytest.fixture
def refused(safemil):
    """The one line that a command says when it refuses."""

    def call(*arguments):
        code, out, err = safemil(*arguments)
        assert code == 2, (code, out, err)
        assert out == ""
        assert "Traceback" not in err
        lines = err.splitlines()
        assert len(lines) == 1, err
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")

    return call
