"""Every error the product raises on purpose.

    MootError                      stops the run; carries the exit code of the outcome table
    ├── TaskFailed            1    no candidate passed
    ├── UsageError            2    bad usage, configuration or repository
    ├── ModelError            3    the model could not be reached or answered wrongly for good
    │   ├── ModelUnreachable
    │   ├── ModelAnswerError
    │   └── ServingError           the local server could not be installed, started or stopped
    ├── LimitReached          4    tokens, cost or time
    ├── Refused               5    policy, approval denied, dirty files overlap
    │   └── SandboxUnavailable
    └── Interrupted         130    stopped by its user; the run can be resumed

    TellModel                      goes back to the model, never ends a run
    ├── EditRejected
    └── ToolRefused

A failed command is a value (`CommandResult`), never an exception.
"""

__all__ = [
    "EditRejected",
    "EmptyAnswer",
    "Interrupted",
    "LimitReached",
    "ModelAnswerError",
    "ModelError",
    "ModelUnreachable",
    "MootError",
    "Refused",
    "SandboxUnavailable",
    "ServingError",
    "TaskFailed",
    "TellModel",
    "ToolRefused",
    "UsageError",
]


class MootError(Exception):
    """A run ends here. The message is one sentence that says what to do."""

    exit_code = 1


class TaskFailed(MootError):
    """No candidate passed."""


class UsageError(MootError):
    """The command, the configuration or the repository cannot be used."""

    exit_code = 2


class ModelError(MootError):
    """The model could not be used."""

    exit_code = 3


class ModelUnreachable(ModelError):
    """No answer from the server within the deadline, after retries."""


class ModelAnswerError(ModelError):
    """The server or the model answered wrongly, for good."""


class EmptyAnswer(ModelAnswerError):
    """The model wrote nothing at all."""


class ServingError(ModelError):
    """The local model server could not be installed, started or stopped."""


class LimitReached(MootError):
    """A limit on tokens, cost or time was hit."""

    exit_code = 4


class Refused(MootError):
    """Policy, a denied approval, or the user's own unsaved work stands in the way."""

    exit_code = 5


class SandboxUnavailable(Refused):
    """Commands cannot be confined on this machine."""


class Interrupted(MootError):
    """The user stopped the run; `--resume` continues it."""

    exit_code = 130


class TellModel(Exception):
    """The message is for the model, which gets another try."""


class EditRejected(TellModel):
    """An edit cannot become a patch; the message shows the closest real lines."""


class ToolRefused(TellModel):
    """A tool call was malformed or is not allowed."""
