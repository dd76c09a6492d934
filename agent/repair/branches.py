"""The likeliest answers beside a greedy one: each departs from it at one token."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from moot.agent.core.messages import Completion, CompletionRequest

__all__ = ["ALTERNATIVES", "Branch", "branches", "likeliest"]

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
    ask: Callable[[CompletionRequest], Awaitable[list[list[Completion]]]],
    request: CompletionRequest,
    greedy: Sequence[Sequence[Completion]],
    controls: Sequence[str],
    most: int,
) -> list[list[Completion]]:
    """Return for each prompt of a request so many answers beside its greedy one, in one more call.

    Args:
        ask: makes a call.
        request: the greedy one.
        greedy: its answers, one of each prompt, with `ALTERNATIVES` of each place.
        controls: tokens that are no text.
        most: answers of each prompt at most.
    """
    found = [branches(answer, (*request.stop, *controls), most) for [answer] in greedy]
    others = [[each.whole for each in own if each.ended] for own in found]
    begun = [(n, branch) for n, own in enumerate(found) for branch in own if not branch.ended]
    prompts = tuple(request.prompts[n] + branch.text for n, branch in begun)
    rest = await ask(replace(request, prompts=prompts)) if prompts else []
    for (n, branch), [more] in zip(begun, rest, strict=True):
        others[n].append(branch.followed_by(more))
    return others


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
