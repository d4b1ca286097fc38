"""What people say of trajectories: one append-only history, and what it amounts to. Begin at `store`."""
