"""Bags, cost network, weights, policy, and the loop that trains them. `weights` alone does without torch."""

import os

# Threads that wait must not spin: beside a browser and a dashboard, training would be ten times slower.
# OpenMP reads this once, when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
