"""Trajectories and labels: files in, validated arrays and a database out. Never torch."""
