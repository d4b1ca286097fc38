"""Is it any good: simulators, rollouts, videos, evaluation against true costs, and the diagnosis of a run."""
