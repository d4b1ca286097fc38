"""Bags, cost network, weights, policy, and the loop that trains them. Its modules that pages use do without torch."""
