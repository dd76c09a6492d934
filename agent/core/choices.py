"""What a user chooses among, on the command line and in settings."""

from enum import StrEnum

__all__ = ["ApplyMode", "ApprovalPolicy", "FusionMode", "FusionPolicy"]


class ApplyMode(StrEnum):
    """How a verified patch reaches the user's repository."""

    COMMIT = "commit"
    BRANCH = "branch"
    WORKTREE = "worktree"
    PATCH = "patch"
    NONE = "none"


class ApprovalPolicy(StrEnum):
    """When a person is asked before an edit is published; `auto` asks where it is risky."""

    AUTO = "auto"
    ASK = "ask"
    NEVER = "never"


class FusionPolicy(StrEnum):
    """When candidates are argued: by risk, always or never."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class FusionMode(StrEnum):
    """How candidates, or answers to a prompt, become one."""

    BEST_OF = "best-of"
    MERGE = "merge"
    DEBATE = "debate"
