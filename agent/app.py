"""Composition root: settings -> dependencies -> a run, a context.

This module, `opening` and `connection` put the concrete classes of a run together.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from moot.agent.connection import connect, connect_member
from moot.agent.core.config import Settings
from moot.agent.core.events import Emit, Notice
from moot.agent.core.messages import Usage
from moot.agent.core.types import ContextPack, EditFormat, Task
from moot.agent.fusion.council import Council
from moot.agent.fusion.member import Member
from moot.agent.fusion.spec import LOCAL, read_criteria, read_judge, read_pool
from moot.agent.git.repository import GitRepository
from moot.agent.graph.deps import Deps, Generation
from moot.agent.graph.entrants import dismiss
from moot.agent.graph.limits import Limits
from moot.agent.models.client import OpenAIClient
from moot.agent.models.fim import fim_format
from moot.agent.models.profiles import Profile, choose
from moot.agent.models.serving import running_server
from moot.agent.models.tokens import EstimatedTokens, LocalTokens
from moot.agent.opening import open_index, open_outcomes, open_repository, open_sandbox
from moot.agent.pack.packer import ContextPacker, files_for
from moot.agent.risk.learned import load_learned
from moot.agent.run import Ask, Run
from moot.agent.verify.baselines import Baselines
from moot.agent.verify.lint.linter import Linter
from moot.agent.verify.runner import TestRunner

if TYPE_CHECKING:
    from moot.agent.core.ports import Sandbox, TokenCounter

__all__ = ["context", "start"]

_ANSWER_TOKENS = 2048
"""Tokens of one chat answer, where the model's context has room for it."""

_PROMPT_TOKENS = 1024
"""Tokens kept free for the instructions around the context and for failing tests."""

_REPAIR_TOKENS = 3072
"""Tokens kept free for a rejected answer and the reasons, where the model's context has room for them."""

_SESSION = 2
"""Contexts' budgets that a conversation of several runs may take: a longer one costs attention."""


def start(settings: Settings, repo: Path, task: Task, ask: Ask, resume: str | None = None) -> Run:
    """Return a run that begins when its events are read."""

    async def wire(run_id: str, used: Callable[[], Usage], emit: Emit, stack: AsyncExitStack) -> Deps:
        repository = await to_thread.run_sync(GitRepository.open, repo, settings.data_dir)
        for sentence in repository.recovered:
            _warn(emit, sentence)
        await to_thread.run_sync(repository.require_publishable, settings.apply)
        warn = partial(_warn, emit)
        sandbox = await to_thread.run_sync(open_sandbox, settings, warn) if settings.verify else None
        tracked = await to_thread.run_sync(repository.tracked)
        client, profile = await connect(settings)
        stack.push_async_callback(client.close)
        code_index = stack.enter_context(open_index(settings))
        folder = settings.data_dir / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        deps = Deps(
            settings=settings,
            repository=repository,
            index=code_index,
            packer=ContextPacker(code_index, repository.read_many, client),
            client=client,
            runner=TestRunner(sandbox, repository.root, settings.test_timeout, tracked) if sandbox else None,
            generation=_generation(settings, profile, client, warn),
            limits=Limits(settings, used),
            emit=emit,
            folder=folder,
            council=_council(settings, client),
            baselines=_baselines(settings, sandbox),
            linter=Linter(sandbox, repository.root, tracked) if sandbox and settings.lint else None,
            learned=load_learned(settings.data_dir),
            outcomes=stack.enter_context(open_outcomes(settings, repository, warn)),
        )
        stack.push_async_callback(dismiss, deps)
        return deps

    return Run(settings, wire, task, ask, resume)


def _council(settings: Settings, client: OpenAIClient) -> Council:
    """Return who argues: the run's own model, the members that the settings name beside it, and the judge."""
    own = Member(
        client.info.id,
        client.info.id,
        price_in=settings.price_in,
        price_out=settings.price_out,
        samples=settings.samples,
    )
    named = read_pool(settings.fusion_pool, settings) if settings.fusion_pool else ()
    others = tuple(member for member in named if member.name not in (LOCAL, own.name))
    judge = read_judge(settings.judge, settings, (own, *others))
    judge = own if judge.name == LOCAL else judge
    return Council(own, others, judge, partial(connect_member, settings), read_criteria(settings))


def _warn(emit: Emit, text: str) -> None:
    emit(Notice("warning", text))


async def context(settings: Settings, repo: Path, task: str) -> tuple[ContextPack, bool]:
    """Return what would be packed for a task, and whether its tokens were counted exactly.

    No model is needed: without a server the profile's own tokenizer counts, if it was pulled.
    """
    repository = open_repository(settings, repo)
    profile = choose(settings)
    with open_index(settings) as code_index:
        code_index.update(repository.files(repository.head), repository.read_many)
        code_index.remember(repository.head, partial(repository.log, repository.head))
        async with AsyncExitStack() as stack:
            counter, exact = await _counter(settings, profile, stack)
            packer = ContextPacker(code_index, repository.read_many, counter)
            budget = settings.context_tokens or profile.pack_budget
            ranked = await to_thread.run_sync(code_index.search, task, files_for(budget))
            return await packer.pack(ranked, budget), exact


def _baselines(settings: Settings, sandbox: "Sandbox | None") -> Baselines | None:
    """Open what earlier runs found; where tests can see the network or the whole machine it says nothing."""
    if sandbox is None or settings.allow_net or sandbox.name == "none":
        return None
    limits = (settings.sandbox_memory, settings.sandbox_processes, settings.sandbox_disk)
    return Baselines(settings.data_dir / "baselines", [version("moot"), sandbox.name, *map(str, limits)])


def _generation(
    settings: Settings, profile: Profile | None, client: OpenAIClient, warn: Callable[[str], None]
) -> Generation:
    """How to ask, from the profile; a server without one is asked in chat, and in the form of MOOT_FIM."""
    room = client.info.context
    answer = min(_ANSWER_TOKENS, room // 4)
    prompt = room - answer - min(_REPAIR_TOKENS, room // 8)
    wanted = settings.context_tokens or (profile.pack_budget if profile else 32_768)
    context = max(256, min(wanted, prompt - _PROMPT_TOKENS))
    form = settings.fim or (profile.fim if profile else None)
    if form and not client.info.fim:
        warn(f"the server of {client.info.id} completes no texts (/v1/completions): nothing is infilled")
    fim = fim_format(form) if form and client.info.fim else None
    return Generation(
        first=profile.first_generator if profile and fim else "chat",
        edit_format=profile.edit_format if profile else EditFormat.SEARCH_REPLACE,
        fim=fim,
        temperature=profile.sampling.temperature if profile else 0.7,
        top_p=profile.sampling.top_p if profile else 0.95,
        context_tokens=context,
        prompt_tokens=prompt,
        session_tokens=min(prompt, _SESSION * context),
        answer_tokens=answer,
    )


async def _counter(
    settings: Settings, profile: Profile, stack: AsyncExitStack
) -> "tuple[TokenCounter, bool]":
    if settings.base_url or running_server(settings.data_dir):
        client, _ = await connect(settings)
        stack.push_async_callback(client.close)
        return client, client.counts_with != "estimate"
    tokenizer = settings.data_dir / "models" / profile.name / "tokenizer.json"
    return (LocalTokens(tokenizer), True) if tokenizer.is_file() else (EstimatedTokens(), False)
