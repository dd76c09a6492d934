"""One run: the graph from its start, or its last checkpoint, to a result, as a stream of events."""

import asyncio
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from anyio import to_thread
from langgraph.types import Command

from moot.agent import record as records
from moot.agent.core.config import Settings
from moot.agent.core.errors import Interrupted, LimitReached, MootError, Refused, TaskFailed, UsageError
from moot.agent.core.events import (
    ApprovalRequested,
    Emit,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    StepStarted,
)
from moot.agent.core.messages import Usage
from moot.agent.core.surrogates import has_surrogates
from moot.agent.core.types import RunResult, Task
from moot.agent.core.verification import IntegrityFlag
from moot.agent.followed import followed
from moot.agent.graph.build import Graph, build
from moot.agent.graph.checkpoints import open_checkpoints
from moot.agent.graph.conversation import close
from moot.agent.graph.deps import Deps
from moot.agent.graph.limits import cost
from moot.agent.graph.nodes.index import load
from moot.agent.graph.nodes.publish import caution_of
from moot.agent.graph.outcome import log_failure
from moot.agent.graph.state import RunState, start_of
from moot.agent.record import RunRecord
from moot.agent.result import as_json, ended

__all__ = ["MAX_TASK_CHARS", "Ask", "Run", "Wire"]

_MAX_STEPS = 1_000
"""Steps that LangGraph may take: the rounds of `agent/graph/generate.py` are the real bound."""

MAX_TASK_CHARS = 200_000
"""Characters of a task; more than that belongs into files of the repository."""

Ask = Callable[[ApprovalRequested], Awaitable[bool]]
"""Puts a question to a person; a front end without one answers False."""

Wire = Callable[[str, Callable[[], Usage], Emit, AsyncExitStack], Awaitable[Deps]]
"""Builds the dependencies of a run: (run id, tokens used so far, emit, what to close at the end)."""


class Run:
    """One run of a task, new or resumed.

    Args:
        settings: all settings.
        wire: builds the dependencies.
        task: what to do; ignored when resuming.
        ask: answers approval requests.
        resume: id of the run to go on with.
    """

    def __init__(
        self, settings: Settings, wire: Wire, task: Task, ask: Ask, resume: str | None = None
    ) -> None:
        self.id = resume or _new_id()
        self._settings, self._wire, self._task, self._ask = settings, wire, task, ask
        self._resumed = resume is not None
        self._config: Any = {"configurable": {"thread_id": self.id}, "recursion_limit": _MAX_STEPS}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._work: asyncio.Task[None] | None = None
        self._deadline = asyncio.timeout(None)
        self._publishing = False
        self._started = time.monotonic()
        self._deps: Deps | None = None
        self._before = Usage()
        self._state: RunState = {}

    async def events(self) -> AsyncIterator[Event]:
        """Work, and yield every event; the last one is RunFinished."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._work = self._loop.create_task(self._drive())
        try:
            while (event := await self._events.get()) is not None:
                yield event
            await self._work
        finally:
            self.interrupt()
            await asyncio.wait([self._work])

    def interrupt(self) -> None:
        """Stop the run; its checkpoint stays, so that it can be resumed.

        A publication that has begun is ended: it takes a moment, and the result says what happened.
        """
        if self._work is not None and not self._publishing:
            self._work.cancel()

    def _emit(self, event: Event) -> None:
        """Pass an event on; steps call this from threads of their own too."""
        if threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
            return
        if event == StepStarted("publish"):
            self._publishing = True
            self._deadline.reschedule(None)
        self._events.put_nowait(event)

    async def _drive(self) -> None:
        """Run to the result; whatever happens, the stream of events ends."""
        try:
            self._finish(await self._outcome())
        finally:
            self._events.put_nowait(None)

    async def _outcome(self) -> RunResult:
        """Run the graph and turn every ending into a result."""
        try:
            await self._execute()
            return self._result(None)
        except MootError as exc:
            return self._result(exc)
        except asyncio.CancelledError:
            early = "" if self._begun else " before it began"
            return self._result(Interrupted(f"interrupted{early}: {self.how_to_go_on}"))

    @property
    def _begun(self) -> bool:
        return self._resumed or self._deps is not None

    @property
    def how_to_go_on(self) -> str:
        """What to do after the run broke off: one that had not begun is not there to be resumed."""
        return f"continue with `agent run --resume {self.id}`" if self._begun else "start the task anew"

    async def _execute(self) -> None:
        record = records.read(self._settings.data_dir, self.id) if self._resumed else None
        if record is None:
            _check_task(self._task)
        _check_text("test command", self._settings.test or "")
        async with AsyncExitStack() as stack:
            await self._in_time(record, stack)
            assert self._deps is not None
            await to_thread.run_sync(log_failure, self._state, self._deps)

    async def _in_time(self, record: RunRecord | None, stack: AsyncExitStack) -> None:
        """Reach the model and work, both within the run's time."""
        try:
            async with asyncio.timeout(self._settings.max_time) as self._deadline:
                await self._opened(record, stack)
        except TimeoutError as exc:
            if not self._deadline.expired():
                raise
            if self._deps is not None:
                self._deps.limits.check()
            raise LimitReached(
                f"the run took {self._settings.max_time:g} s: allow more with --max-time"
            ) from exc

    async def _opened(self, record: RunRecord | None, stack: AsyncExitStack) -> None:
        deps = await self._wire(self.id, self._used, self._emit, stack)
        stack.callback(records.lock(deps.folder).release)
        graph = build(await stack.enter_async_context(open_checkpoints(self._settings.data_dir)))
        known = RunState(**(await graph.aget_state(self._config)).values)
        record = self._go_on(record, known, deps) if record else self._begin(deps)
        self._deps = deps
        self._announce(record.task, record.base, deps)
        await self._enough_room(record.task, deps)
        if known:
            await self._take_up(known, deps)
        await self._through(graph, None if known else {"task": record.task, "base": record.base}, deps)

    async def _take_up(self, known: RunState, deps: Deps) -> None:
        """Bring back what a checkpoint's run had used, and what lives in memory only."""
        self._before, deps.limits.earlier = known.get("spent", Usage()), known.get("seconds", 0.0)
        if fusion := known.get("fusion"):
            deps.limits.elsewhere.add(fusion.elsewhere, fusion.elsewhere_cost)
        await to_thread.run_sync(load, deps, known["base"])

    def _used(self) -> Usage:
        """Return the tokens of this process and of the run's earlier ones."""
        return self._before + (self._deps.client.usage if self._deps else Usage())

    async def _through(self, graph: Graph, start: RunState | None, deps: Deps) -> None:
        """Run from a start, else from the last checkpoint; have interrupts answered until the end."""
        entry: Any = start
        while True:
            await self._stream(graph, entry, deps)
            snapshot = await graph.aget_state(self._config)
            self._state = RunState(**snapshot.values)
            pending = [item.value for task in snapshot.tasks for item in task.interrupts]
            if not pending:
                return
            request = ApprovalRequested(
                pending[0]["candidate"], pending[0]["diff"], tuple(pending[0]["reasons"])
            )
            deps.emit(request)
            if not await self._ask(request):
                raise Refused(pending[0]["refusal"])  # the graph still waits: when resumed it asks again
            entry = Command(resume=True)

    async def _stream(self, graph: Graph, entry: Any, deps: Deps) -> None:
        """Keep the state of the last step, so that a failure can still say what is known."""
        steps = graph.astream(entry, self._config, context=deps, stream_mode="values")  # pyright: ignore[reportUnknownMemberType]
        async for values in steps:
            self._state = RunState(**values)

    def _announce(self, task: Task, base: str, deps: Deps) -> None:
        model = deps.client.info.id
        deps.emit(RunStarted(self.id, task.text, str(deps.repository.root), base, model, self._resumed))

    async def _enough_room(self, task: Task, deps: Deps) -> None:
        tokens = (await deps.client.count([task.text]))[0]
        room = deps.client.info.context // 2
        if tokens > room:
            raise UsageError(
                f"the task has {tokens} tokens and {deps.client.info.id} has room for {room}: "
                "shorten it, or put the details into files of the repository"
            )

    # --- the run's folder ---------------------------------------------------------------------

    def _begin(self, deps: Deps) -> RunRecord:
        """Write what a resumption needs, and return it."""
        task, root = self._task, deps.repository.root
        if task.follows is not None:
            task = replace(task, follows=followed(self._settings.data_dir, root, task.follows))
        record = RunRecord(
            task=task,
            base=deps.repository.head,
            repository=root,
            model=deps.client.info.id,
            started=datetime.now(UTC),
            settings=records.kept_settings(self._settings),
        )
        records.write(deps.folder, record)
        return record

    def _go_on(self, record: RunRecord, known: RunState, deps: Deps) -> RunRecord:
        """Check that this is the run's own repository and that no flag comes too late; keep the flags."""
        if record.repository != deps.repository.root:
            raise UsageError(f"run {self.id} belongs to {record.repository}: resume it there, or with --repo")
        if why := _too_late(known, deps):
            raise UsageError(f"run {self.id} {why}: start a new run")
        (deps.folder / records.RESULT).unlink(missing_ok=True)  # of its last end, which is none any more
        record = record.model_copy(update={"settings": records.kept_settings(self._settings)})
        records.write(deps.folder, record)
        return record

    def _finish(self, result: RunResult) -> None:
        if self._deps is not None:
            try:
                close(self._state, self._deps)
                text = json.dumps(as_json(result), ensure_ascii=False, indent=2)
                records.write_result(self._deps.folder, text)
            except (OSError, MootError) as exc:  # what was published is, whether that can be kept or not
                self._emit(Notice("warning", f"the result is not kept in {self._deps.folder}: {exc}"))
        self._events.put_nowait(RunFinished(result))

    # --- the result ---------------------------------------------------------------------------

    def _result(self, error: MootError | None) -> RunResult:
        """Describe the ending; `error` is None when the graph came to its end."""
        state = self._state
        publication, selected = state.get("publication"), state.get("selected")
        if error is None and publication is None:
            refusal = state.get("refusal")
            error = Refused(refusal) if refusal else TaskFailed(_why_not(state))
        usage, price = self._used(), cost(self._used(), self._settings)
        if self._deps is not None:
            usage, price = self._deps.limits.used(), self._deps.limits.cost
        result = replace(
            ended(error, self.id),
            base=start_of(state) if "base" in state else None,
            test_command=state.get("test_command"),
            before=state.get("before"),
            after=state.get("after"),
            baseline_from=state.get("baseline_from", ""),
            verified=state.get("verified", False),
            delta=state.get("delta"),
            evidence=state.get("evidence", ""),
            lint=state.get("lint"),
            selection=state.get("selection"),
            flags=_flags(state),
            risk=state.get("risk"),
            reproduction=state.get("reproduction"),
            follows=state.get("follows"),
            usage=usage,
            cost=price,
            seconds=time.monotonic() - self._started + (self._deps.limits.earlier if self._deps else 0.0),
        )
        if fusion := state.get("fusion"):
            result = replace(result, fusion=asdict(fusion))
        if selected is None or self._deps is None:
            return result
        repository, base, shown = self._deps.repository, start_of(state), result.reproduction
        written = (shown.path,) if shown is not None and shown.path else ()
        result = replace(
            result,
            files=tuple(dict.fromkeys([*(delta.path for delta in selected.deltas), *written])),
            diffstat=repository.diffstat(base, selected.commit),
            diff=repository.diff(base, selected.commit),
        )
        if publication is None:
            return result
        return replace(
            result,
            commit=publication.commit,
            branch=publication.branch,
            patch_file=publication.patch_file,
            reason=result.reason or caution_of(publication, base),
        )


def _new_id() -> str:
    """Return an id; of two runs the later has the greater one, within a second, too."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond * 4096 // 10**6:03x}{secrets.randbelow(4096):03x}"


def _check_task(task: Task) -> None:
    if not task.text.strip():
        raise UsageError("the task is empty: say in words what should be done")
    if len(task.text) > MAX_TASK_CHARS:
        raise UsageError(
            f"the task has {len(task.text)} characters and the limit is {MAX_TASK_CHARS}: "
            "put the details into files of the repository and name them in the task"
        )
    _check_text("task", task.text)


def _check_text(what: str, text: str) -> None:
    if "\0" in text:
        raise UsageError(f"the {what} has a NUL character in it: give plain text")
    if has_surrogates(text):
        raise UsageError(f"the {what} is not UTF-8: convert it, for example with `iconv -t UTF-8`")


def _flags(state: RunState) -> tuple[IntegrityFlag, ...]:
    """Return what the selected edit takes from the tests, or the best one that was not selected."""
    reserve = state.get("reserve")
    candidate = state.get("selected") or (reserve.candidate if reserve is not None else None)
    return tuple(candidate.flags) if candidate is not None else ()


def _why_not(state: RunState) -> str:
    tried = len(state.get("seen", ()))
    if not tried:
        return "the model proposed no edit that applies: try a larger model, or a smaller task"
    return f"none of {tried} candidates passed the tests: try a larger model, or a smaller task"


def _too_late(known: RunState, deps: Deps) -> str:
    """Return why a run cannot go on with the settings as they are now; empty where it can."""
    settings, publication = deps.settings, known.get("publication")
    if publication is not None:
        if deps.repository.undone(deps.folder.name) is not None:
            return "was published and taken back"
        if publication.mode is not settings.apply:
            return f"is done with --apply {publication.mode}"
    if "test_command" not in known:
        return ""
    command = known["test_command"]
    if settings.verify is not (command is not None):
        return f"was begun with{'out' if settings.verify else ''} verification"
    if command is not None and settings.test and settings.test != command:
        return f"was begun with the tests of `{command}`"
    return ""
