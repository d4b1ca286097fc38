"""Simulators by name, as everybody else uses them. Simulator packages are imported in here alone, and late."""

from safemil_core.assessment.environments.dsrl_facts import dsrl_datasets, dsrl_range
from safemil_core.assessment.environments.simulator import FRAME_SIZE, Simulator, Step

__all__ = ["FRAME_SIZE", "Simulator", "Step", "dsrl_datasets", "dsrl_range"]
