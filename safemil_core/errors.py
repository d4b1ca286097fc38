"""Every error that a user can act on; its message is one sentence that names what is wrong and the cure.

SafeMILError
 ├── InvalidDataset          a file or array that cannot become a dataset
 ├── InvalidLabels           a label, a trajectory number or a label file that makes no sense
 ├── InvalidConfig           a setting outside its range, or an unknown one
 ├── NotFound                a dataset, run or file that is not there
 ├── AlreadyExists           a name that is taken
 ├── DownloadFailed          a server or line that did not give a file whole
 ├── NotReady                a run that has not got far enough for what was asked
 ├── Diverged                training left the range of numbers
 ├── OutOfRoom               a disk or a memory that is full
 └── EnvironmentUnavailable  a simulator that is not installed, or does not fit the dataset

What is our own mistake is a ValueError or an assertion, and nobody catches it.
"""

from __future__ import annotations


class SafeMILError(Exception):
    """Base of all errors whose message is meant for the user."""


class InvalidDataset(SafeMILError, ValueError):
    """A file or array cannot become a dataset."""


class InvalidLabels(SafeMILError, ValueError):
    """A label, a trajectory number or a label file makes no sense."""


class InvalidConfig(SafeMILError, ValueError):
    """A setting is outside its range or unknown."""


class NotFound(SafeMILError, LookupError):
    """A dataset, run or file is not there."""


class AlreadyExists(SafeMILError):
    """A name is taken by something else."""


class DownloadFailed(SafeMILError):
    """A server or a line did not give a file whole."""


class NotReady(SafeMILError):
    """A run has not got far enough for what was asked."""


class Diverged(SafeMILError):
    """Training left the range of numbers."""


class OutOfRoom(SafeMILError):
    """A disk or a memory is full."""


class EnvironmentUnavailable(SafeMILError):
    """A simulator is not installed, or does not fit the dataset."""
