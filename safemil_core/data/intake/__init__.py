"""How foreign files come in: fetched, unpacked, and read in a process with limits. Begin at `confined`."""
