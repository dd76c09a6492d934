"""How the model is asked for a function, and what of its answer is the function."""

import ast
import asyncio
import re
from typing import Literal

from moot.agent.core.messages import ChatMessage, ChatRequest, Completion, CompletionRequest
from moot.agent.core.ports import ModelClient
from tests.bench.fusion.problems import Problem

__all__ = ["Form", "function_in", "opening", "program", "sample"]

Form = Literal["chat", "completion"]

_TOKENS = 320
_WARM = 0.8
_STOP = ("\ndef ", "\nclass ", "\nif __name__", "\nprint(")
"""Where a completion leaves the function."""
_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(?P<code>.*?)(?:\n```|\Z)", re.DOTALL)


def opening(problem: Problem) -> tuple[ChatMessage, ...]:
    """Return the conversation in which the function is asked for."""
    wish = (
        "Write this Python function. Answer with one code block that holds the whole function, without its "
    )
    wish += "docstring, and nothing else."
    return (ChatMessage("user", f"{wish}\n\n```python\n{problem.prompt.strip()}\n```"),)


async def sample(client: ModelClient, problem: Problem, form: Form, warm: int) -> list[tuple[str, float]]:
    """Return the greedy answer and so many warm ones: each function with its mean log-probability."""
    greedy, others = await asyncio.gather(
        _ask(client, problem, form, 0.0, 1), _ask(client, problem, form, _WARM, warm)
    )
    read = function_in if form == "chat" else _continued
    return [(read(problem, each.text), round(each.logprob, 4)) for each in (*greedy, *others)]


def program(problem: Problem, code: str) -> str:
    """Return a function with what it may use."""
    return f"{problem.preamble}\n{code}\n"


async def _ask(
    client: ModelClient, problem: Problem, form: Form, heat: float, answers: int
) -> list[Completion]:
    if form == "chat":
        stop = ("\n```\n",)
        request = ChatRequest(opening(problem), _TOKENS, temperature=heat, n=answers, stop=stop)
        return await client.chat(request)
    prompt = problem.prompt.rstrip(" ")
    [found] = await client.complete(
        CompletionRequest((prompt,), _TOKENS, temperature=heat, n=answers, stop=_STOP)
    )
    return found


def function_in(problem: Problem, text: str) -> str:
    """Return the function of a chat answer, without the docstring."""
    found = _BLOCK.search(text)
    return _bare(problem, found["code"] if found else text)


def _continued(problem: Problem, text: str) -> str:
    return _bare(problem, problem.prompt.removeprefix(problem.preamble) + text)


def _bare(problem: Problem, code: str) -> str:
    """Return code without the function's docstring, which the task shows already."""
    code = code.strip("\n")
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return code
    lines = code.split("\n")
    for node in tree.body:
        if (
            isinstance(node, ast.FunctionDef)
            and node.name == problem.entry
            and ast.get_docstring(node) is not None
        ):
            first = node.body[0]
            if len(node.body) > 1 and first.end_lineno is not None:
                del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(line.rstrip() for line in lines).strip("\n")
