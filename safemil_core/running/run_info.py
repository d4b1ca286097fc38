"""What a run is made from: the first of the files in its folder."""

from __future__ import annotations

from dataclasses import dataclass, field

from safemil_core.running.provenance import Provenance


@dataclass(frozen=True)
class RunInfo:
    """What a run is made from: enough to make it again."""

    id: str
    dataset: str
    dataset_id: str
    label_snapshot: int
    """The label action that the run's labels are the state after."""
    n_non_preferred: int
    n_preferred: int
    author: str
    created_at: str
    warm_start: str | None = None
    """The run whose cost network this one begins with: `warm.safetensors` is a copy of it."""
    rerun_of: str | None = None
    """The run that this one repeats."""
    answers: str | None = None
    """The finding that this run is to cure, as `corrections` writes it: the examined run and the cause."""
    versions: dict[str, str] = field(default_factory=dict)
    """This and what follows is written down when training begins, see `Provenance`."""
    code: str = ""
    machine: str = ""
    device: str = ""

    @property
    def made_with(self) -> Provenance:
        return Provenance(self.versions, self.code, self.machine, self.device)
