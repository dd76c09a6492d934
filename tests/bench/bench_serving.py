"""Speed and quality of a served model: `python tests/bench/bench_serving.py --base-url URL`.

Prints one Markdown table row a figure. Prefill is measured on prompts that the server has not seen;
decoding on streams that share one short prefix; quality as greedy infilling of masked lines of a file
of the standard library, counted when the line comes back exactly as it was.
"""

import argparse
import ast
import asyncio
import random
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

PREFIX, SUFFIX, MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"


@dataclass(frozen=True)
class Server:
    """A server's completion endpoint and the model to name there."""

    client: httpx.AsyncClient
    model: str

    async def complete(self, prompt: str, max_tokens: int, **options: object) -> tuple[str, int, int]:
        """Return the text, the prompt's tokens and the completion's tokens."""
        body = {"model": self.model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, **options}
        reply = await self.client.post("/v1/completions", json=body)
        reply.raise_for_status()
        data = reply.json()
        usage = data["usage"]
        return data["choices"][0]["text"], usage["prompt_tokens"], usage["completion_tokens"]


async def prefill(server: Server, lines: int) -> tuple[float, float]:
    """Return tokens per second of a fresh prompt, and of the same one again."""
    nonce = random.random()
    prompt = f"# {nonce}\n" + "".join(
        f"value_{i} = compute({i}, {random.random():.3f})\n" for i in range(lines)
    )
    speeds: list[float] = []
    for _ in range(2):
        start = time.perf_counter()
        _, tokens, _ = await server.complete(prompt, 1)
        speeds.append(tokens / (time.perf_counter() - start))
    return speeds[0], speeds[1]


async def decode(server: Server, streams: int, tokens: int) -> float:
    """Return tokens per second over all streams, of `tokens` each."""
    prompts = [f"# Module {i}: a class for matrices.\nclass Matrix:\n" for i in range(streams)]
    await asyncio.gather(*(server.complete(prompt, 1) for prompt in prompts))
    start = time.perf_counter()
    replies = await asyncio.gather(*(server.complete(prompt, tokens, ignore_eos=True) for prompt in prompts))
    return sum(count for _, _, count in replies) / (time.perf_counter() - start)


async def infills(server: Server, prompts: int, samples: int) -> tuple[float, float]:
    """Return seconds until the first tokens of `samples` infills of new prompts, and of the same again."""
    cases = [
        f"{PREFIX}# {random.random()}\n{before}{SUFFIX}{after}{MIDDLE}"
        for before, _, after in masked_lines(prompts)
    ]
    seconds: list[float] = []
    for _ in range(2):
        start = time.perf_counter()
        await asyncio.gather(*(server.complete(case, 1, n=samples, temperature=0.8) for case in cases))
        seconds.append(time.perf_counter() - start)
    return seconds[0], seconds[1]


def masked_lines(count: int) -> list[tuple[str, str, str]]:
    """Return (text before, line, text after) for lines of `textwrap` that say something."""
    source = Path(textwrap.__file__).read_text(encoding="utf-8").splitlines()
    ends = {node.lineno for node in ast.walk(ast.parse("\n".join(source))) if isinstance(node, ast.stmt)}
    usable = [
        number
        for number in sorted(ends)
        if 8 <= len(source[number - 1].strip()) <= 60 and '"""' not in source[number - 1]
    ]
    chosen = usable[:: max(1, len(usable) // count)][:count]
    return [
        (
            "\n".join(source[max(0, number - 25) : number - 1]) + "\n",
            source[number - 1],
            "\n" + "\n".join(source[number : number + 12]),
        )
        for number in chosen
    ]


async def quality(server: Server, count: int) -> tuple[int, int]:
    """Return how many masked lines came back exactly, and of how many."""
    cases = masked_lines(count)
    replies = await asyncio.gather(
        *(
            server.complete(f"{PREFIX}{before}{SUFFIX}{after}{MIDDLE}", 40, stop=["\n"])
            for before, _, after in cases
        )
    )
    right = sum(
        text.rstrip() == line.rstrip() for (text, _, _), (_, line, _) in zip(replies, cases, strict=True)
    )
    return right, len(cases)


async def run(base_url: str, tokens: int, lines: int, cases: int) -> None:
    """Measure everything and print it."""
    async with httpx.AsyncClient(base_url=base_url.removesuffix("/v1"), timeout=600) as client:
        model = (await client.get("/v1/models")).json()["data"][0]["id"]
        server = Server(client, model)
        await server.complete("warm up", 4)
        print(f"| {model} | figure |\n|---|---|")
        fresh, again = await prefill(server, lines)
        print(
            f"| prefill, tokens/s | {fresh:.0f} |\n| the same prompt again, tokens/s | {again:.0f} |",
            flush=True,
        )
        new, known = await infills(server, 6, 5)
        print(f"| six infills, five samples each, new: seconds to the first tokens | {new:.1f} |")
        print(f"| the same again, seconds | {known:.1f} |", flush=True)
        for streams in (1, 4, 32):
            speed = await decode(server, streams, tokens)
            print(f"| decode with {streams} streams, tokens/s | {speed:.1f} |", flush=True)
        start = time.perf_counter()
        right, total = await quality(server, cases)
        print(f"| masked lines restored exactly | {right} of {total} |")
        print(f"| seconds for those | {time.perf_counter() - start:.0f} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", default="http://127.0.0.1:8197")
    parser.add_argument("--tokens", type=int, default=32, help="tokens that each stream decodes")
    parser.add_argument("--lines", type=int, default=60, help="lines of the prefill prompt")
    parser.add_argument("--cases", type=int, default=20, help="masked lines")
    options = parser.parse_args()
    asyncio.run(run(options.base_url, options.tokens, options.lines, options.cases))


if __name__ == "__main__":
    main()
