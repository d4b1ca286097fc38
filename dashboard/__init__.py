"""The dashboard: pages over `safemil_core`. Runs in a process without torch or simulators."""
