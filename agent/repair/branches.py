"""The likeliest answers beside a greedy one: each departs from it at one token."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from moot.agent.core.messages import Completion, CompletionRequest

__all__ = ["ALTERNATIVES", "Branch", "Follow", "branches", "completing", "likeliest"]

Follow = Callable[[Sequence[tuple[int, str]]], Awaitable[Sequence[Completion]]]
"""Returns what follows beginnings of answers, each given with the number of its prompt."""

ALTERNATIVES = 5
"""Tokens that are looked at for each place of a greedy answer: as many as the protocol allows to ask for."""

_PARTIAL = "\N{REPLACEMENT CHARACTER}"
"""What a token is shown as that is a part of a character."""

_END = "</s>"
"""How servers name the end of a sequence for Mistral's models; others name one of the control tokens."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The beginning of another answer.

    Attributes:
        logprob: sum over its tokens.
        ended: whether it is whole already: the other token ends it.
    """

    text: str
    tokens: int
    logprob: float
    ended: bool

    @property
    def whole(self) -> Completion:
        """The answer of a branch that ends at its departure."""
        return self.followed_by(Completion("", "stop", 0))

    def followed_by(self, rest: Completion) -> Completion:
        """Return the whole answer."""
        tokens = self.tokens + rest.tokens
        mean = (self.logprob + rest.logprob * rest.tokens) / max(1, tokens)
        return Completion(self.text + rest.text, rest.finish, tokens, mean)


async def likeliest(
    follow: Follow, greedy: Sequence[Completion], ends: Sequence[str], most: int, skip: int = 0
) -> list[list[Completion]]:
    """Return for each prompt so many answers beside its greedy one.

    Args:
        follow: asks for what follows the beginnings of other answers.
        greedy: the answer to each prompt, with `ALTERNATIVES` of each place.
        ends: texts and control tokens that end an answer.
        most: answers to each prompt at most.
        skip: how many of the likeliest to leave out, which were had before.
    """
    found = [branches(answer, ends, skip + most)[skip:] for answer in greedy]
    others = [[each.whole for each in own if each.ended] for own in found]
    begun = [(n, branch) for n, own in enumerate(found) for branch in own if not branch.ended]
    rest = await follow([(n, branch.text) for n, branch in begun])
    for (n, branch), more in zip(begun, rest, strict=True):
        others[n].append(branch.followed_by(more))
    return others


def completing(
    ask: Callable[[CompletionRequest], Awaitable[list[list[Completion]]]], request: CompletionRequest
) -> Follow:
    """Return what goes on after beginnings of answers to the prompts of a request, in one call."""

    async def follow(begun: Sequence[tuple[int, str]]) -> list[Completion]:
        prompts = tuple(request.prompts[n] + text for n, text in begun)
        return [answer for [answer] in await ask(replace(request, prompts=prompts))] if prompts else []

    return follow


def branches(greedy: Completion, ends: Sequence[str], most: int) -> list[Branch]:
    """Return so many beginnings of other answers, the likeliest first; none where alternatives are unknown.

    Samples of one prompt are often alike: of 36 answers a third are distinct edits. Departures from the
    greedy answer in the order of their probability are all different, and share its beginning.

    Args:
        greedy: an answer with the likeliest tokens of each place.
        ends: texts that end an answer; a token that holds one ends it there, as does one without text.
        most: how many to return at most.
    """
    found: dict[tuple[str, bool], Branch] = {}
    text, tokens, logprob = "", 0, 0.0
    for choice in greedy.choices:
        own = _before_end(choice.text, ends)
        for other, value in choice.likely:
            last = _before_end(other, ends)
            ended = last is not None
            new = text + (other if last is None else last)
            same = ended and (last == own or not new.strip())
            if other == choice.text or same or math.isinf(value) or _PARTIAL in other:
                continue
            branch = Branch(new, tokens + 1, logprob + value, ended)
            known = found.get((branch.text, ended))
            if known is None or known.logprob < branch.logprob:
                found[branch.text, ended] = branch
        if own is not None:
            break
        text, tokens = text + choice.text, tokens + 1
        logprob += dict(choice.likely).get(choice.text, 0.0)
    return sorted(found.values(), key=lambda branch: -branch.logprob)[:most]


def _before_end(token: str, ends: Sequence[str]) -> str | None:
    """Return the text of a token before an answer's end, such as `)` of `)\\n`; None where it ends none."""
    if token in ("", _END):
        return ""
    places = [place for end in ends if (place := token.find(end)) >= 0]
    return token[: min(places)] if places else None
