"""Lines of JSON that our own reporters write, one a test as it ends, and a last one when the run ended."""

from pydantic import BaseModel, Field, ValidationError

from moot.agent.core.commands import TestCase
from moot.agent.verify.frameworks.base import MESSAGE, Evidence, Reading, merge

__all__ = ["read_records"]


class _Record(BaseModel):
    id: str = ""
    outcome: str = Field("", pattern="^(passed|failed|error|skipped|)$")
    message: str = ""
    file: str = ""
    seconds: float = Field(0.0, ge=0, le=1e6, allow_inf_nan=False)
    end: bool = False


def read_records(evidence: Evidence, name: str) -> Reading:
    """Read a report by name; lines of any other form are left out."""
    cases: list[TestCase] = []
    complete = False
    for line in evidence.reports.read(name).splitlines():
        try:
            record = _Record.model_validate_json(line)
        except ValidationError:
            continue
        complete = complete or record.end
        if record.id and record.outcome:
            path = evidence.place.path(record.file) if record.file else ""
            cases.append(TestCase(record.id, record.outcome, record.message[-MESSAGE:], path, record.seconds))
    return Reading(merge(cases), complete, complete and not cases)
