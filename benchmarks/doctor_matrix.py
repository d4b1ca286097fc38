"""How often the doctor finds the cause that was provoked first, and how often it finds anything in a healthy run.

    python benchmarks/doctor_matrix.py --seeds 3 --healthy 20

Every cause is provoked on the bundled dataset (`provocations.py`), the network trained, and the run examined; healthy
runs have various labels, settings and seeds. Rows of the table are what was provoked, columns what was found first.
One process.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np
from provocations import PLAIN, PROVOKED, Provocation, healthy

from safemil_core.config import RunConfig
from safemil_core.learning.arithmetic import prepare_process

NOTHING = "nothing"
FIRST_SEED = 400
"""Seeds below served to try the thresholds out; what is reported comes from others."""


def first_finding(provocation: Provocation, seed: int, base: RunConfig) -> str:
    """The cause that is found first, or `nothing`."""
    findings = provocation(np.random.default_rng(seed)).examined(seed, base)
    return findings[0].cause if findings else NOTHING


def main() -> None:
    """Print every run as it is examined, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="runs a cause")
    parser.add_argument("--healthy", type=int, default=20, help="healthy runs")
    parser.add_argument("--causes", nargs="+", choices=PROVOKED, default=list(PROVOKED))
    parser.add_argument("--defaults", action="store_true", help="train the defaults, not the paper's plain network")
    options = parser.parse_args()
    base = RunConfig() if options.defaults else PLAIN
    prepare_process()
    started = time.process_time()
    found: dict[str, Counter[str]] = {}
    rows = [(cause, PROVOKED[cause], options.seeds) for cause in options.causes]
    for name, provocation, n in [*rows, (NOTHING, healthy, options.healthy)]:
        found[name] = Counter(first_finding(provocation, FIRST_SEED + i, base) for i in range(n))
        print(f"{name}: " + ", ".join(f"{cause} {count}" for cause, count in found[name].most_common()), flush=True)
    print()
    print_table(found)
    false = options.healthy - found[NOTHING][NOTHING]
    right = sum(found[cause][cause] for cause in options.causes)
    print(f"\n{right} of {options.seeds * len(options.causes)} provoked causes are found first; ", end="")
    print(f"{false} of {options.healthy} healthy runs give a false alarm.")
    print(f"{time.process_time() - started:.0f} s of processor time")


def print_table(found: dict[str, Counter[str]]) -> None:
    """Rows by what was provoked; columns by number, since their names are long."""
    columns = [*found, *sorted({cause for row in found.values() for cause in row} - found.keys())]
    print("| provoked \\ found first | " + " | ".join(f"{i}" for i in range(1, len(columns) + 1)) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for number, (name, row) in enumerate(found.items(), start=1):
        print(f"| {number} {name} | " + " | ".join(str(row[cause] or "") for cause in columns) + " |")
    extra = columns[len(found) :]
    if extra:
        print("\n" + ", ".join(f"{len(found) + i}: {cause}" for i, cause in enumerate(extra, start=1)))


if __name__ == "__main__":
    main()
