"""Whether a corrected run helped."""

from __future__ import annotations

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.verdict import verdict


def found(cause: str, harm: float = 0.8) -> Finding:
    return Finding(cause, "collapse", f"{cause} is wrong", evidence="", why="", cure="", harm=harm)


def test_what_is_gone_has_been_cured():
    assert verdict("bag_size", [found("bag_size")], []).kind == "helped"
    assert "healthy" in verdict("bag_size", [found("bag_size")], []).words


def test_what_was_wrong_before_and_is_still_wrong_is_named():
    other = found("duplicates", harm=0.9)
    after = verdict("bag_size", [other, found("bag_size")], [other])
    assert (after.kind, after.words) == ("helped", "It helped: this is gone. What is left: duplicates is wrong.")


def test_what_is_still_there_did_not_help():
    assert verdict("bag_size", [found("bag_size")], [found("bag_size")]).kind == "unchanged"
    less = verdict("bag_size", [found("bag_size", 0.8)], [found("bag_size", 0.3)])
    assert (less.kind, less.words) == (
        "unchanged",
        "It is still there, but less: its harm fell from 80% to 30%.",
    )


def test_something_new_and_as_harmful_replaces_it_and_something_slight_does_not():
    assert verdict("bag_size", [found("bag_size")], [found("dead_network", 0.9)]).kind == "replaced"
    assert verdict("bag_size", [found("bag_size")], [found("few_labels", 0.2)]).kind == "helped"
