"""Parquet: a long table, one row a step; and how an export writes one, with notes in the schema's metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from safemil_core.data.curated import Curated
from safemil_core.data.formats import notes, parquet_files, tables
from safemil_core.data.formats.flat_arrays import of_part
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Options, Part, Recording, flat_names
from safemil_core.errors import InvalidDataset

OBSERVATION, ACTION, IMAGE, FINAL = "observation.", "action.", "image.", "final_"
"""How the columns of an export begin. `final_` columns are filled in the last row of a trajectory only."""


def detect(path: Path) -> bool:
    """Whether a file is Parquet at all; what is missing in it is for `read` to say."""
    return path.is_file() and parquet_files.is_parquet(path)


def read(path: Path, options: Options) -> Recording:
    """Open lazily.

    Raises:
        InvalidDataset: the columns do not say enough, or the file is not to be trusted.
    """
    file = parquet_files.opened(path)
    text = (file.schema_arrow.metadata or {}).get(notes.KEY.encode())
    images = _image_columns(file.schema_arrow) if text is not None else {}
    columns = tables.chosen(_columns(file.schema_arrow), options, images)
    about = tables.about(columns, file.metadata.num_rows)
    guess = tables.guess(_columns(file.schema_arrow))
    as_written = all(getattr(columns, role) == guess.get(role, ()) for role in tables.SEVERAL)
    if text is not None and as_written:  # with other columns chosen it is a table like any other
        about, columns = _ours(text, about, columns, file.schema_arrow)
    row_bytes = 8 * len(columns.names) + 2 * sum(part.size for part in about.images)
    batches = parquet_files.batches(file, columns.names, row_bytes)
    return Recording(about, tables.steps(batches, columns, about.images, options))


def columns(path: Path) -> list[tuple[str, str]]:
    """Name and type of each column, for the dialogue that maps them."""
    return _columns(parquet_files.opened(path).schema_arrow)


def preview(path: Path) -> list[dict[str, object]]:
    """The first rows, for the dialogue that maps columns."""
    file = parquet_files.opened(path)
    shown = [name for name, _ in _columns(file.schema_arrow)]
    with parquet_files.in_one_sentence():
        rows = next(file.iter_batches(tables.PREVIEW_ROWS, columns=shown, use_threads=False), None)
    return tables.previewed(rows)


def _columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Those that can be a column of numbers, names or flags; lists and bytes cannot."""
    types = ((field.name, parquet_files.plain(field.type)) for field in schema)
    return [(name, str(kind)) for name, kind in types if parquet_files.is_number(kind) or pa.types.is_string(kind)]


def _image_columns(schema: pa.Schema) -> dict[str, str]:
    """Column by name of the image."""
    return {
        field.name.removeprefix(IMAGE): field.name
        for field in schema
        if field.name.startswith(IMAGE) and pa.types.is_fixed_size_binary(field.type)
    }


def _ours(text: bytes, about: About, columns: tables.Chosen, schema: pa.Schema) -> tuple[About, tables.Chosen]:
    """What an export of ours says beyond the columns, which stand as its parts do, whatever their names."""
    columns = replace(
        columns,
        observations=tuple(name for name in schema.names if name in columns.observations),
        actions=tuple(name for name in schema.names if name in columns.actions),
    )
    plain = tuple(Part(name, dtype="uint8") for name in columns.images)
    about, knows_finals = notes.from_json(text, replace(about, images=plain, observation_names=(), action_names=()))
    for part in about.images:
        for column in (columns.images[part.name], FINAL + columns.images[part.name]):
            if column not in schema.names:
                continue
            kind = schema.field(column).type
            is_fit = pa.types.is_fixed_size_binary(kind) and kind.byte_width == part.size and len(part.shape) == 3
            if not is_fit:
                raise InvalidDataset(f"the column {column!r} holds {kind}, expected images of shape {part.shape}")
    if knows_finals:
        finals = tuple(FINAL + name for name in columns.observations)
        images = {name: FINAL + column for name, column in columns.images.items() if FINAL + column in schema.names}
        if not set(finals) <= set(schema.names):
            raise InvalidDataset("its final observations are missing; export the file again")
        columns = replace(columns, final_observations=finals, final_images=images)
    return about, columns


def write(curated: Curated, path: Path) -> None:
    """Write one row a step, with labels, weights and learned costs beside it where there are any."""
    schema = _schema(curated)
    row_bytes = 4 * len(schema.names) + sum(part.size for part in curated.about.images)
    with parquet_files.BlockWriter(path, schema, row_bytes) as writer:
        for table in _tables(curated, schema):
            writer.add(table)


def _schema(curated: Curated) -> pa.Schema:
    about, every = curated.about, curated.trajectories
    seen, done = (
        _named(OBSERVATION, about.observations, about.observation_names),
        _named(ACTION, about.actions, about.action_names),
    )
    fields = [("trajectory", pa.int64()), ("step", pa.int64()), *seen, *done]
    fields += [(IMAGE + part.name, pa.binary(part.size)) for part in about.images]
    fields += [("reward", pa.float32())] if every.rewards is not None else []
    fields += [("cost", pa.float32())] if every.costs is not None else []
    fields += [("terminated", pa.bool_()), ("truncated", pa.bool_())]
    if every.final_observations is not None:
        fields += [(FINAL + name, kind) for name, kind in seen]
    fields += [
        (FINAL + IMAGE + part.name, pa.binary(part.size)) for part in about.images if part.name in every.final_images
    ]
    fields += [("label", pa.string())]
    fields += [("weight", pa.float64())] if curated.weights is not None else []
    fields += [("learned_cost", pa.float32())] if curated.learned_costs is not None else []
    return pa.schema(fields, metadata={notes.KEY: notes.to_json(curated)})


def _named(prefix: str, parts: tuple[Part, ...], names: tuple[str, ...]) -> list[tuple[str, pa.DataType]]:
    """A column for each number of a flat vector, of its part's type."""
    types = [pa.from_numpy_dtype(np.dtype(part.dtype)) for part in parts for _ in range(part.size)]
    names = names if len(names) == len(types) else flat_names(parts, prefix.rstrip("."))
    if len(set(names)) < len(names):
        names = tuple(str(index) for index in range(len(types)))
    return [(prefix + name, kind) for name, kind in zip(names, types, strict=True)]


def _tables(curated: Curated, schema: pa.Schema) -> Iterator[pa.Table]:
    """One for each trajectory."""
    about = curated.about
    for number, one in enumerate(curated):
        n = len(one)
        columns: list[pa.Array] = [pa.array(np.full(n, number)), pa.array(np.arange(n))]
        columns += [*_flat(one.observations, about.observations), *_flat(one.actions, about.actions)]
        columns += [_bytes(one.images[part.name], part) for part in about.images]
        columns += [pa.array(values) for values in (one.rewards, one.costs) if values is not None]
        columns += [_last(pa.array([bool(one.end & bit)]), n, fill=False) for bit in (TERMINATED, CUT_OFF)]
        if one.final_observation is not None:
            columns += [_last(column, n) for column in _flat(one.final_observation[None], about.observations)]
        finals = [(one.final_images[part.name][None], part) for part in about.images if part.name in one.final_images]
        columns += [_last(_bytes(image, part), n) for image, part in finals]
        columns += [pa.repeat(one.label, n)]
        columns += [pa.repeat(one.weight, n)] if one.weight is not None else []
        columns += [pa.array(one.learned_costs)] if one.learned_costs is not None else []
        yield pa.Table.from_arrays(columns, schema=schema)


def _flat(vectors: np.ndarray, parts: tuple[Part, ...]) -> list[pa.Array]:
    """[n, O] as a column for each number."""
    return [
        pa.array(np.ascontiguousarray(column))
        for index, part in enumerate(parts)
        for column in of_part(vectors, parts, index).reshape(len(vectors), part.size).T
    ]


def _bytes(images: np.ndarray, part: Part) -> pa.Array:
    data = np.ascontiguousarray(images)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(part.size), len(data), [None, pa.py_buffer(data.tobytes())])


def _last(value: pa.Array, n: int, fill: object = None) -> pa.Array:
    """A column whose last row alone holds the value."""
    before = pa.nulls(n - 1, value.type) if fill is None else pa.repeat(pa.scalar(fill, value.type), n - 1)
    return pa.concat_arrays([before, value])
