"""Pictures in a Parquet column, as LeRobot and Hugging Face keep them: PNG or JPEG bytes to arrays, and back to PNG."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from PIL import Image

from safemil_core.data.recording import Part
from safemil_core.errors import InvalidDataset

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""Type of the column. A path is never followed."""
MODES: Mapping[int, str] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's name for 8-bit pictures, by the number of channels."""
_NO_PICTURE = (
    *(OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, MemoryError, RuntimeError),
    *(Image.DecompressionBombError, zlib.error, struct.error),
)
"""All that Pillow is known to raise on bytes that are no picture."""


def decoded(column: pa.Array, key: str, part: Part) -> np.ndarray:
    """[n, height, width, channels] of a column of pictures; `key` names the column in errors.

    Raises:
        InvalidDataset: a picture is not in the file, damaged, or of another size or kind.
    """
    found = np.empty((len(column), *part.shape), dtype=np.uint8)
    if not pa.types.is_struct(column.type) or column.type.get_field_index("bytes") < 0:
        raise InvalidDataset(f"the column {key[:100]!r} holds {str(column.type)[:50]}, expected pictures")
    for row, value in enumerate(column):
        data = value["bytes"].as_py() if value.is_valid else None
        if not isinstance(data, bytes):
            raise InvalidDataset(f"a picture of {key[:100]!r} is not in the data file; embed the pictures")
        found[row] = _picture(data, key, part)
    return found


def _picture(data: bytes, key: str, part: Part) -> np.ndarray:
    height, width, channels = part.shape
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            # Looked at before it is decoded: a small file can hold a very large picture.
            if picture.size != (width, height) or picture.mode not in (*MODES.values(), "P", "1"):
                raise InvalidDataset(
                    f"a picture of {key[:100]!r} is {picture.mode} of {picture.size[0]} x {picture.size[1]},"
                    f" expected {MODES[channels]} of {width} x {height}"
                )
            found = picture if picture.mode == MODES[channels] else picture.convert(MODES[channels])
            return np.asarray(found, dtype=np.uint8).reshape(part.shape)
    except InvalidDataset:
        raise
    except _NO_PICTURE:
        raise InvalidDataset(f"a picture of {key[:100]!r} is damaged; copy the dataset again") from None


def encoded(images: np.ndarray) -> pa.Array:
    """A column of PNGs of images [n, height, width, channels] uint8, of 1 to 4 channels."""
    return pa.array([{"bytes": _png(image), "path": None} for image in images], type=PICTURE)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
