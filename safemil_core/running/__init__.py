"""Runs on disk, the pipeline that makes one, and the processes it lives in."""
