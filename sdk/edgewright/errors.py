"""Every public exception.

Each class derives from `EdgewrightError` and from the built-in that fits, so that both
`except BundleError` and `except ValueError` work. A message says which input, what came, what was
expected and what to do. `exit_code` is what the command line ends with.
"""

from typing import ClassVar


class EdgewrightError(Exception):
    """Base of all errors that Edgewright raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(EdgewrightError, ValueError):
    """Options that contradict each other or are out of range."""

    exit_code = 2


class InputError(EdgewrightError, ValueError):
    """An input of a model (image, sequence, observation, …) that cannot be used."""


class InputTypeError(InputError, TypeError):
    """An input of a type or dtype that is not accepted."""


class InputNotFoundError(InputError, FileNotFoundError):
    """An input file that does not exist."""

    exit_code = 3


class CheckpointError(EdgewrightError, ValueError):
    """A checkpoint folder that cannot be exported."""


class CheckpointNotFoundError(CheckpointError, FileNotFoundError):
    """A checkpoint folder, or a file that it must have, that does not exist."""

    exit_code = 3


class UnsupportedCheckpointError(CheckpointError, NotImplementedError):
    """A checkpoint of an architecture that no recipe takes."""

    exit_code = 4


class BundleError(EdgewrightError, ValueError):
    """A bundle that breaks a rule of the format."""

    exit_code = 5


class BundleNotFoundError(BundleError, FileNotFoundError):
    """A bundle that does not exist."""

    exit_code = 3


class FormatVersionError(BundleError):
    """A bundle of a format version, or with required features, that this reader does not know."""

    exit_code = 4


class IntegrityError(BundleError):
    """A bundle whose bytes are not those that its manifest lists."""


class ParityError(EdgewrightError, ArithmeticError):
    """A variant that does not compute what the PyTorch checkpoint computes."""

    exit_code = 5


class PlacementError(EdgewrightError, RuntimeError):
    """A device or precision that cannot be had here; the message lists every candidate."""

    exit_code = 4


class GpuUnavailableError(PlacementError):
    """Something that only a GPU can do, where no GPU can be used."""


class EngineBuildError(EdgewrightError, RuntimeError):
    """A graph that TensorRT does not take; the message names the nodes and TensorRT's reasons."""


class CacheError(EdgewrightError, OSError):
    """A cache of engines that cannot be written to, or is full."""


class MissingDependencyError(EdgewrightError, ImportError):
    """A library that this call needs is not installed; the message has the install line."""

    exit_code = 4


class StateError(EdgewrightError, RuntimeError):
    """A call that the object cannot take in its present state, such as `step` before `reset`."""


class PlacementWarning(UserWarning):
    """The device or precision asked for was not had, and `strict=False` allowed another."""


class VariantRejectedWarning(UserWarning):
    """A variant missed a gate and was left out of the bundle."""
