"""Write what the scripts of this folder made as a file in DSRL's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def write(out: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any]) -> None:
    """Write beside the target and move into place, so that a reader never sees half a file."""
    partial = out.with_name(out.name + ".partial")
    with h5py.File(partial, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip", compression_opts=9, shuffle=True)
        file.attrs.update({k: json.dumps(v) if isinstance(v, list) else v for k, v in attributes.items()})
    partial.replace(out)
