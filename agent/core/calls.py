"""Calls of what candidates change, as a process of the sandbox tells of them."""

from pydantic import BaseModel

__all__ = ["Call", "Returns"]


class Call(BaseModel):
    """One call of a changed function, or of its doctests. It was written by code under test.

    Attributes:
        at: number of the recorded input, and of its neighbour where it is one.
        needed: the input was seen in failing tests alone.
        raises: name of the exception; empty when it returned.
        digest: of the value and of the arguments afterwards.
        fits: whether the value is of the annotated type; None where that is not told.
        doctest: number of the function whose doctests ran, in place of a call; -1 for a call.
    """

    function: int = -1
    at: list[int] = []
    call: str = ""
    needed: bool = False
    raises: str = ""
    text: str = ""
    digest: str = ""
    none: bool = False
    fits: bool | None = None
    doctest: int = -1
    failed: int = 0

    @property
    def outcome(self) -> tuple[str, str]:
        """What has to be equal for two calls to behave alike."""
        return self.raises, self.digest


class Returns(BaseModel):
    """What a changed function returned in one test. It was written by code under test.

    Attributes:
        count: how often it returned.
        values: hash and beginning of each of the first ones.
    """

    test: str
    function: int
    count: int
    values: list[tuple[str, str]] = []
