"""How much a foreign file may unpack to, and in what pieces it is read: the same for every format."""

from __future__ import annotations

from safemil_core.errors import InvalidDataset

BLOCK_BYTES = 8 * 2**20
"""Of the blocks that stream, about."""

SUSPICIOUS_BYTES = 2**30
"""What unpacks to less may have any ratio: costs and flags are almost all zeros, and pack well."""

LARGEST_RATIO = 200
"""Of unpacked to stored bytes, in what is larger than that; recorded numbers reach about 10."""

LARGEST_COUNT = 2**48
"""Of numbers in one array, to keep arithmetic on declared sizes within 64 bits."""


def check_unpacked(what: str, stored: int, unpacked: int) -> None:
    """Refuse what promises much more than its stored bytes can hold.

    Raises:
        InvalidDataset: `unpacked` bytes are out of all proportion to `stored` bytes.
    """
    if unpacked > SUSPICIOUS_BYTES and unpacked > LARGEST_RATIO * stored:
        raise InvalidDataset(
            f"{what} declares {unpacked / 2**30:,.1f} GiB but stores {stored / 2**20:,.1f} MiB;"
            " it is damaged or made up"
        )


def rows_per_block(row_bytes: int) -> int:
    """How many rows of a size make a block; at least one."""
    return max(1, BLOCK_BYTES // max(1, row_bytes))
