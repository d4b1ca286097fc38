"""Whether a corrected run helped: what was found of the run before it against what is found of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from safemil_core.assessment.doctor.findings import Finding

Kind = Literal["helped", "unchanged", "replaced"]

_NOTABLE = 0.05
"""Of the harm: less of a difference is no change."""


@dataclass(frozen=True)
class Verdict:
    """What became of one finding."""

    kind: Kind
    words: str
    """In a sentence or two."""


def verdict(cause: str, before: Sequence[Finding], after: Sequence[Finding]) -> Verdict:
    """What a run that was to cure a cause did.

    Args:
        cause: that was to be cured, found in `before`.
        before: what was found of the run that it corrects, the most harmful first.
        after: what is found of the corrected run, likewise.
    """
    was = next((finding for finding in before if finding.cause == cause), None)
    still = next((finding for finding in after if finding.cause == cause), None)
    harm = was.harm if was is not None else 0.0
    if still is not None:
        if harm - still.harm > _NOTABLE:
            return Verdict(
                "unchanged", f"It is still there, but less: its harm fell from {harm:.0%} to {still.harm:.0%}."
            )
        return Verdict("unchanged", "It is still there: what was changed is not the cause, or not enough of it.")
    known = {finding.cause for finding in before}
    new = [finding for finding in after if finding.cause not in known and finding.harm >= harm - _NOTABLE]
    if new:
        return Verdict("replaced", f"It is gone, but something as harmful has come instead: {new[0].title}.")
    if not after:
        return Verdict("helped", "It helped: this is gone, and the corrected run is healthy.")
    return Verdict("helped", f"It helped: this is gone. What is left: {after[0].title}.")
