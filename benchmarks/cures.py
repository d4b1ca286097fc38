"""Does the cure help? Each provoked cause is corrected as the doctor proposes, trained again, and judged.

    python benchmarks/cures.py --seeds 3

Causes are provoked on the bundled dataset (`provocations.py`). Where the cure is a setting, the run is trained again
with it and nothing else changed, as the button on the Doctor page does; the verdict is the one that the page tells.
Where the cure is another labelling or other data, there is nothing to start, and the table says so. One process.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace

import numpy as np
from provocations import PROVOKED

from safemil_core.assessment.doctor.verdict import verdict
from safemil_core.learning.arithmetic import prepare_process

FIRST_SEED = 400
NOT_A_SETTING, NOT_FOUND = "not a setting", "not found first"


def outcome(cause: str, seed: int) -> tuple[str, str]:
    """What became of a cause, in a word, and the settings that were to cure it."""
    patient = PROVOKED[cause](np.random.default_rng(seed))
    before = patient.examined(seed)
    if not before or before[0].cause != cause:
        return NOT_FOUND, ""
    cure = before[0].settings
    if not cure:
        return NOT_A_SETTING, ""
    corrected = replace(patient, settings=(*patient.settings, *cure))
    return verdict(cause, before, corrected.examined(seed)).kind, " ".join(cure)


def main() -> None:
    """Print a row as each cause is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="runs a cause")
    parser.add_argument("--causes", nargs="+", choices=PROVOKED, default=list(PROVOKED))
    options = parser.parse_args()
    prepare_process()
    total: Counter[str] = Counter()
    print("| provoked | cure | came of it |\n|---|---|---|")
    for cause in options.causes:
        kinds, cures = zip(*(outcome(cause, FIRST_SEED + i) for i in range(options.seeds)), strict=True)
        total.update(kinds)
        told = ", ".join(f"{kind} {n}" for kind, n in Counter(kinds).most_common())
        print(f"| {cause} | {', '.join(sorted(set(cures) - {''}))} | {told} |", flush=True)
    print("\n" + ", ".join(f"{kind} {n}" for kind, n in total.most_common()))


if __name__ == "__main__":
    main()
