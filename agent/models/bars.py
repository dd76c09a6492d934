"""Progress for people: bars on a terminal, one line a stage elsewhere, always on standard error."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from moot.agent.models.progress import Progress

__all__ = ["bars"]


@contextmanager
def bars(console: Console | None = None) -> Generator[Progress]:
    """Give a callback that draws; what it drew stays when the work ends."""
    console = console or Console(stderr=True, emoji=False)
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
    )
    with RichProgress(*columns, TimeElapsedColumn(), console=console) as drawing:
        yield _Bars(drawing)


class _Bars:
    """One bar for each stage; the one before is finished when the next begins."""

    def __init__(self, drawing: RichProgress) -> None:
        self._drawing = drawing
        self._stage = ""
        self._task: TaskID | None = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Draw."""
        if stage != self._stage:
            self._finish()
            self._stage = stage
            self._task = self._drawing.add_task(stage, total=total, amount="")
        if self._task is not None:
            self._drawing.update(self._task, completed=done, total=total, amount=_amount(done, total))

    def _finish(self) -> None:
        if self._task is not None:
            self._drawing.update(self._task, completed=1, total=1)
            self._drawing.stop_task(self._task)


def _lines(console: Console) -> Progress:
    last = ""

    def tell(stage: str, done: int, total: int | None) -> None:
        nonlocal last
        if stage != last:
            last = stage
            console.print(f"{stage} …", highlight=False, markup=False)

    return tell


def _amount(done: int, total: int | None) -> str:
    if total is None:
        return str(done) if done else ""
    if total >= 1_000_000:
        return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
    return f"{done} of {total}"
