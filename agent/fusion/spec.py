"""`--pool` and `--judge` as text -> members, with what the user's settings say of them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from moot.agent.core.config import PoolMember, Settings
from moot.agent.core.errors import UsageError
from moot.agent.core.urls import shown_url
from moot.agent.fusion.decide import Calibration
from moot.agent.fusion.judge import Criteria
from moot.agent.fusion.member import Member

__all__ = ["LOCAL", "read_criteria", "read_judge", "read_pool"]

LOCAL = "local"
"""The model that the settings' server serves, else the local one."""

MAX_MEMBERS = 8
"""As many as OpenRouter's Fusion takes."""
MAX_SAMPLES = 16
_RUBRIC_BYTES = 16_000
"""A third of what a judge reads at most."""
_DEFAULT_SAMPLES = 3

_KEYS = {
    "api.mistral.ai": "MISTRAL_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "api.openai.com": "OPENAI_API_KEY",
}
"""Variables in which the services' own documentation keeps the key."""

_TIMES = re.compile(r"(?P<who>.+?)(?P<sign>\s*\*\s*|\s*x)(?P<times>\d{1,3})", re.DOTALL)
_ADDRESS = re.compile(r"(?P<model>[^\s]*)@(?P<url>https?://\S+)")
_MODEL = re.compile(r"[^\s,*@]+")
_FORMS = "pass NAME, MODEL or MODEL@URL, each with xN for N samples"


def read_pool(text: str | None, settings: Settings, samples: int | None = None) -> tuple[Member, ...]:
    """Return the members that a comma list names, the incumbent first.

    Args:
        text: `model`, `model@url` or the name of a `[[pool]]` table, each with `xN` or `*N` for N samples;
            `all` is every table; None is the local model alone, three times.
        settings: where tables, prices and the default server come from.
        samples: of each member that does not say how many.

    Raises:
        UsageError: it names nobody, too many, or has another form.
    """
    if text is None:
        return (replace(_named(LOCAL, settings), samples=samples or _DEFAULT_SAMPLES),)
    items = [item.strip() for item in text.split(",")]
    if items == ["all"]:
        items = [member.name for member in settings.pool]
    if not any(items):
        raise UsageError(f"the pool is empty: {_FORMS}, or add [[pool]] tables to your settings")
    if not all(items):
        shown = ", ".join(map(_shown, items))
        raise UsageError(f"the pool {shown!r} has an empty name between commas: {_FORMS}")
    return _bounded(_joined(_read(item, settings, samples) for item in items))


def read_judge(text: str | None, settings: Settings, pool: Sequence[Member]) -> Member:
    """Return who judges: a member of the pool by its name, else any other model; default the first."""
    if text is None:
        return pool[0]
    who = text.strip()
    known = next((member for member in pool if who == member.model or _shown(who) == member.name), None)
    return known or _named(who, settings)


def _read(item: str, settings: Settings, samples: int | None) -> Member:
    who, times = _split(item, {table.name for table in settings.pool})
    member = _named(who, settings)
    return replace(member, samples=samples or member.samples if times is None else times)


def _split(item: str, tables: set[str]) -> tuple[str, int | None]:
    """Return who is meant and how often; the end of a name like `mixtral-8x7` is no number of samples."""
    match = None if item in tables else _TIMES.fullmatch(item)
    if match is None:
        return item, None
    who = match["who"]
    if match["sign"] == "x" and who[-1].isdigit() and who not in tables and "://" not in who:
        return item, None
    return who, int(match["times"])


def _named(who: str, settings: Settings) -> Member:
    table = next((table for table in settings.pool if table.name == who), None)
    if table:
        return _from_table(table, settings)
    address = _ADDRESS.fullmatch(who)
    if address:
        model, url = address["model"] or None, address["url"]
        return Member(_shown(who), model, url, _key_env(None, url))
    if not _MODEL.fullmatch(who):
        raise UsageError(f"{_shown(who)!r} is no member of a pool: {_FORMS}")
    model = settings.model if who == LOCAL else who
    return Member(who, model, price_in=settings.price_in, price_out=settings.price_out)


def _shown(who: str) -> str:
    """Return it as it may be shown: the user and the password of a URL are nobody's name."""
    before, colon, after = who.partition("://")
    model, at, scheme = before.rpartition("@")
    return f"{model}{at}{shown_url(scheme + colon + after)}" if colon else who


def _from_table(table: PoolMember, settings: Settings) -> Member:
    own = table.base_url is None and not (table.price_in or table.price_out)
    return Member(
        name=table.name,
        model=table.model,
        base_url=table.base_url,
        key_env=_key_env(table.api_key_env, table.base_url),
        weight=table.weight,
        price_in=settings.price_in if own else table.price_in,
        price_out=settings.price_out if own else table.price_out,
        concurrency=table.concurrency,
        context=table.context_tokens,
        temperature=table.temperature,
        samples=table.samples,
    )


def _key_env(given: str | None, url: str | None) -> str | None:
    if given or url is None:
        return given
    try:
        return _KEYS.get(urlsplit(url).hostname or "")
    except ValueError:
        return None


def _joined(members: Iterable[Member]) -> tuple[Member, ...]:
    """Make members that are named twice one, with the samples of both: they share a prompt."""
    joined: dict[str, Member] = {}
    for member in members:
        before = joined.get(member.name)
        joined[member.name] = replace(before, samples=before.samples + member.samples) if before else member
    return tuple(joined.values())


def _bounded(members: tuple[Member, ...]) -> tuple[Member, ...]:
    if len(members) > MAX_MEMBERS:
        raise UsageError(f"the pool has {len(members)} members: name at most {MAX_MEMBERS}")
    samples = sum(member.samples for member in members)
    if samples > MAX_SAMPLES or any(member.samples < 1 for member in members):
        raise UsageError(f"the pool asks for {samples} answers: ask for 1 to {MAX_SAMPLES}")
    return members


def read_criteria(settings: Settings) -> Criteria:
    """Return what the judge goes by.

    Raises:
        UsageError: the rubric cannot be read, is empty, or too long to leave a judge room for answers.
    """
    rubric = _rubric(settings.rubric) if settings.rubric is not None else ""
    return Criteria(rubric, settings.judge_threshold, Calibration(settings.judge_scale))


def _rubric(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"cannot read the rubric in {path}: {exc.strerror}") from exc
    text = content.decode("utf-8", "replace").strip()
    if not text:
        raise UsageError(f"the rubric in {path} is empty: say in words what a good answer is")
    if len(content) > _RUBRIC_BYTES:
        raise UsageError(f"the rubric in {path} has {len(content)} bytes: keep it below {_RUBRIC_BYTES}")
    return text
