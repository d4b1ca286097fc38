"""One file per page; each reads from top to bottom like its screen. They never import each other."""
