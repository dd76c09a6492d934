"""Answers as they are written, chunk by chunk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from moot.agent.core.messages import Completion, TokenChoice, ToolCall, Usage
from moot.agent.models.repetition import RepetitionDetector
from moot.agent.models.wire import Choice, Chunk, WireUsage

__all__ = ["Answer"]


@dataclass(slots=True)
class _Call:
    """A tool call in pieces."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class _Draft:
    """One answer."""

    def __init__(self, ended: Callable[[str], bool] | None) -> None:
        self.text = ""
        self.finish = ""
        self.pieces = 0
        self.dropped = 0
        self._logprobs: list[float] = []
        self._choices: list[TokenChoice] = []
        self._calls: dict[int, _Call] = {}
        self._repetition = RepetitionDetector()
        self._ended = ended

    @property
    def tokens(self) -> int:
        """Tokens so far: exact with log-probabilities, else the number of pieces."""
        return len(self._logprobs) or self.pieces

    @property
    def begun(self) -> bool:
        """Whether anything of it was written."""
        return bool(self.text or self._calls)

    def add(self, choice: Choice) -> None:
        """Take in the next piece; what follows the end is dropped, and counted: the server went on."""
        values = choice.logprobs.values if choice.logprobs else []
        if self.finish:
            self.dropped += len(values) or bool(choice.written)
            return
        self._logprobs += values
        self._choices += _choices(choice)
        self._add_calls(choice)
        if choice.written:
            self.pieces += 1
            self.text += choice.written
            self._cut()
        self.finish = self.finish or choice.finish_reason or ""

    def completion(self, tokens: int | None = None) -> Completion:
        """Return it as it stands; `tokens` is the server's own count."""
        calls = tuple(ToolCall(call.id, call.name, call.arguments) for call in self._calls.values())
        mean = sum(self._logprobs) / len(self._logprobs) if self._logprobs else 0.0
        choices = tuple(self._choices) if any(each.likely for each in self._choices) else ()
        return Completion(self.text, self.finish, tokens or self.tokens, mean, calls, choices)

    def _add_calls(self, choice: Choice) -> None:
        for delta in choice.delta.tool_calls or ():
            at = delta.index
            while (call := self._calls.setdefault(at, _Call())).id and delta.id not in (None, "", call.id):
                at += 1  # some servers number none of them
            call.id = delta.id or call.id
            if delta.function:
                call.name += delta.function.name or ""
                call.arguments += delta.function.arguments or ""

    def _cut(self) -> None:
        end = self._repetition.find(self.text)
        if end is not None:
            self.text, self.finish = self.text[:end], "repetition"
        elif self._ended and self._ended(self.text):
            self.finish = "ended"


def _choices(choice: Choice) -> Iterator[TokenChoice]:
    told = choice.logprobs
    if told is None:
        return
    for token in told.content or ():
        likely = tuple((each.token, each.logprob) for each in token.top_logprobs or ())
        yield TokenChoice(token.token, likely)
    for token, others in zip(told.tokens or (), told.top_logprobs or (), strict=False):
        yield TokenChoice(token, tuple((others or {}).items()))


class Answer:
    """The answers to one request: `samples` for each prompt, in the order of the prompts."""

    def __init__(
        self,
        prompts: int,
        samples: int,
        on_token: Callable[[str], None] | None = None,
        on_answer: Callable[[Completion], None] | None = None,
        ended: Callable[[str], bool] | None = None,
    ) -> None:
        self._drafts = [_Draft(ended) for _ in range(prompts * samples)]
        self._prompts, self._samples = prompts, samples
        self._on_token, self._on_answer = on_token, on_answer
        self._running: dict[int, WireUsage] = {}  # by answer
        self._total: WireUsage | None = None
        self.started = False

    @property
    def complete(self) -> bool:
        """Whether every answer has an end."""
        return all(draft.finish for draft in self._drafts)

    @property
    def fewer(self) -> bool:
        """Whether the first have an end and of the others nothing came: the server does not know `n`.

        It then numbers its answers without regard to `n`: of several prompts each has one.
        """
        ended = [draft for draft in self._drafts if draft.finish]
        rest = self._drafts[len(ended) :]
        even = len(ended) == self._prompts or self._prompts == 1
        return bool(ended and rest) and even and not any(draft.begun or draft.finish for draft in rest)

    @property
    def cut_short(self) -> bool:
        """Whether nothing can still come that is wanted, although the server goes on."""
        return self.complete and any(draft.finish in ("repetition", "ended") for draft in self._drafts)

    def add(self, chunk: Chunk) -> bool:
        """Take in a chunk; False when it is of an answer that nobody asked for."""
        for choice in chunk.choices:
            if choice.index >= len(self._drafts):
                return False
            self.started = True
            self._take(self._drafts[choice.index], choice)
            if choice.index == 0 and choice.written and self._on_token:
                self._on_token(choice.written)
        self._account(chunk)
        return True

    def _take(self, draft: _Draft, choice: Choice) -> None:
        ended = bool(draft.finish)
        draft.add(choice)
        if self._on_answer and draft.finish and not ended:
            self._on_answer(draft.completion())

    def completions(self) -> list[Completion]:
        """Return all answers as they stand; those that have an end, where the server sent fewer."""
        drafts = [draft for draft in self._drafts if draft.finish] if self.fewer else self._drafts
        told = self._total or (None if self.cut_short else next(iter(self._running.values()), None))
        exact = told.completion_tokens if told and len(drafts) == 1 else None
        return [draft.completion(exact) for draft in drafts]

    def usage(self, estimate: Callable[[], int]) -> Usage:
        """Return what the request used: the server's figures, else what was counted here.

        Args:
            estimate: tokens of the prompts, asked for only when the server did not say.
        """
        if self._total:
            return self._total.total()
        prompts = {at // self._samples: usage for at, usage in self._running.items()}.values()
        prompt = sum(usage.prompt_tokens for usage in prompts)
        if not prompt and self.started:
            prompt = estimate()
        cached = sum(usage.cached for usage in prompts)
        counted = sum(draft.tokens + draft.dropped for draft in self._drafts)
        told = sum(usage.completion_tokens or 0 for usage in self._running.values())
        return Usage(prompt, cached, max(counted, told), 1)

    def _account(self, chunk: Chunk) -> None:
        """The sum comes without choices at the end; before it, some servers send each answer's own."""
        if chunk.usage and not chunk.choices:
            self._total = chunk.usage
        elif chunk.usage:
            self._running[chunk.choices[0].index] = chunk.usage
