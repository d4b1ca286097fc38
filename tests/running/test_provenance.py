"""What decides a run's numbers, and what of it has changed since."""

from dataclasses import replace

from safemil_core.running import provenance as module
from safemil_core.running.provenance import Provenance, code_digest, provenance


def test_the_digest_of_the_code_changes_with_any_source_and_with_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CODE", tmp_path)
    (tmp_path / "a.py").write_text("x = 1")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.py").write_text("y = 1")
    before = code_digest()
    (tmp_path / "notes.txt").write_text("no source")
    assert code_digest() == before
    (tmp_path / "inner" / "b.py").write_text("y = 2")
    changed = code_digest()
    (tmp_path / "inner" / "b.py").write_text("y = 1")
    (tmp_path / "inner" / "b.py").rename(tmp_path / "b.py")
    assert len({before, changed, code_digest()}) == 3


def test_differences_are_named_and_what_was_not_written_down_is_not_held_against_a_run():
    now = provenance("cpu")
    assert now.versions.keys() == {"python", "safemil", "torch", "numpy", "scipy"}
    assert now.differences(now) == []
    then = replace(now, versions={**now.versions, "torch": "1.0"}, code="another", device="cuda")
    assert then.differences(now) == [
        f"torch 1.0 then, {now.versions['torch']} now", "safemil_core's code has changed", "cuda then, cpu now",
    ]  # fmt: skip
    assert Provenance({"torch": now.versions["torch"]}, "", "", "").differences(now) == []
