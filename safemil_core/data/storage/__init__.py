"""How a dataset lies on disk, and how it gets there block by block. Begin at `build`."""
