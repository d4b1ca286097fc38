"""Experiments: many trials by one specification, each labels, training and evaluation in a process of its own."""
