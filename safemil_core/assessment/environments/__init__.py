"""Simulators by name, as everybody else uses them. Simulator packages are imported in here alone, and late."""

from safemil_core.assessment.environments.dsrl_facts import dsrl_datasets, dsrl_range
from safemil_core.assessment.environments.finding import find_environment
from safemil_core.assessment.environments.scenes import FRAME_SIZE
from safemil_core.assessment.environments.simulator import Simulator, Step
from safemil_core.assessment.environments.sources import Environment, canonical

__all__ = [
    "FRAME_SIZE",
    "Environment",
    "Simulator",
    "Step",
    "canonical",
    "dsrl_datasets",
    "dsrl_range",
    "find_environment",
]
