"""What all settings are: frozen, validated where they are made, refused in one sentence. Which there are: `config`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from safemil_core.errors import InvalidConfig


class Settings(BaseModel):
    """Frozen and validated where they are made.

    Raises:
        InvalidConfig: a value is out of range or its name unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as problem:
            raise InvalidConfig(_sentence(problem)) from None


def _sentence(problem: ValidationError) -> str:
    first = problem.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown setting {name!r}"
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidConfig):  # from the section inside: name the whole path
        return f"{name}.{cause}"
    what = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{name} must be {what}, got {first['input']!r}"
