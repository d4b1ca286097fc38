"""Bags, cost network, weights, policy, and the loop that trains them. `weights` alone does without torch."""
