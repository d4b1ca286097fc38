"""Bags, cost network, weights, policy, and the loop that trains them. `weights` alone does without torch."""

import os

# Threads that wait spin for some ten microseconds and then sleep. Spinning on, they would take the cores from a browser
# and a dashboard beside them, and training would be ten times slower; sleeping at once costs a third of the speed.
# OpenMP reads this once, when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
