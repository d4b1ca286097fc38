"""Is it any good: simulators, rollouts, videos, evaluation against true costs, and what is wrong with a run."""
