"""What a mistake in an edit would cost, by rules; and the hard rules, which no probability overrules."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from moot.agent.core.testfiles import is_test
from moot.agent.core.types import FileDelta
from moot.agent.core.verification import IntegrityFlag, unasked

__all__ = ["ALWAYS_ARGUED", "Impact", "impact_of"]

ALWAYS_ARGUED = frozenset({"ci", "migration", "security", "dependencies", "deletion", "tests-weakened"})
"""Rules under which an edit is argued whatever its probability; policy `auto` asks a person about it too."""

_ORDINARY = 0.4
_REQUESTED = 0.7
"""Impact of a change of tests or of their settings that the task asks for: too low to ask again."""


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    impact: float
    words: str
    path: re.Pattern[str]


_RULES = (
    _Rule(
        "ci",
        0.9,
        "changes CI",
        re.compile(
            r"(^|/)\.(github|circleci|ci|buildkite)/"
            r"|(^|/)(\.gitlab-ci|Jenkinsfile|\.travis|azure-pipelines|bitbucket-pipelines)"
        ),
    ),
    _Rule(
        "migration",
        0.9,
        "changes a database schema or migration",
        re.compile(r"(^|/)(migrations?|alembic|migrate)/|\.sql$|(^|/)schema\.(rb|prisma)$"),
    ),
    _Rule(
        "dependencies",
        0.8,
        "changes dependencies or packaging",
        re.compile(
            r"(^|/)(pyproject\.toml|setup\.(py|cfg)|requirements(/[^/]+|[^/]*)\.(txt|in)|constraints[^/]*\.txt"
            r"|Pipfile(\.lock)?|(poetry|uv|pdm|pixi|yarn|bun|deno)\.lockb?|environment\.ya?ml"
            r"|package(-lock)?\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|go\.(mod|sum)|Cargo\.(toml|lock)|composer\.(json|lock)"
            r"|Gemfile(\.lock)?|[^/]*\.gemspec|pom\.xml|build\.(gradle(\.kts)?|sbt)|[^/]*\.csproj|Package\.swift)$"
        ),
    ),
    _Rule(
        "configuration",
        0.7,
        "changes how the program is configured or deployed",
        re.compile(
            r"(^|/)(Dockerfile|docker-compose|compose\.ya?ml|Procfile|nginx|\.env)|\.(tf|tfvars|hcl)$"
            r"|(^|/)(k8s|kubernetes|helm|charts|deploy|terraform|ansible)/.*\.(ya?ml|json|tpl)$"
        ),
    ),
    _Rule(
        "public-surface",
        0.5,
        "touches a public surface",
        re.compile(r"(^|/)(__init__\.pyi?|index\.[jt]sx?|lib\.rs|mod\.rs)$"),
    ),
)
_SECURITY = _Rule(
    "security",
    0.8,
    "touches security",
    re.compile(
        r"o?auth(?!ors?$|orship)\w*|\w*crypt\w*|passw\w*|passphrases?|tokens?|secur\w*|permissions?|sessions?"
        r"|secrets?|csrf|xsrf|jwt|acls?|credentials?|certs?|certificates?|tls|ssl|sandbox\w*|login|privileges?"
        r"|sanitiz\w*|saml|keyring"
    ),
)
"""Matches whole words of a path; `author` and `tokenizer` are none of them."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_DELETION, _TESTS, _API = 0.8, 0.5, 0.6


@dataclass(frozen=True, slots=True)
class Impact:
    """How bad a mistake would be, from 0 to 1; why, in words; and the rules that say so."""

    value: float
    reasons: tuple[str, ...]
    rules: tuple[str, ...]

    @property
    def hard(self) -> bool:
        """Whether a hard rule says that the edit is argued."""
        return not ALWAYS_ARGUED.isdisjoint(self.rules)


def impact_of(
    deltas: Sequence[FileDelta], flags: Sequence[IntegrityFlag] = (), api: Sequence[str] = ()
) -> Impact:
    """Rate what a mistake would cost; the worst rule counts.

    Args:
        deltas: the changed files.
        flags: what the patch takes from the tests.
        api: changes of the public surface, each in words.
    """
    requested = {flag.path for flag in flags} - {flag.path for flag in unasked(flags)}
    hits = [hit for delta in deltas for hit in _hits(delta, requested)]
    hits += [("public-api", _API, text) for text in api]
    hits += [_flagged(flag) for flag in flags]
    value = max((impact for _, impact, _ in hits), default=_ORDINARY)
    rules = tuple(dict.fromkeys(name for name, _, _ in hits))
    return Impact(max(value, _ORDINARY), tuple(text for _, _, text in hits), rules)


def _flagged(flag: IntegrityFlag) -> tuple[str, float, str]:
    if flag.asked:
        return "tests-requested", _ORDINARY, f"{flag} (the task asks for it)"
    return "tests-weakened", 1.0, str(flag)


def _hits(delta: FileDelta, requested: Collection[str]) -> Iterator[tuple[str, float, str]]:
    """Yield rule, impact and words; of a file whose change the task asks for no rule is hard."""
    for name, impact, words in _of(delta):
        if delta.path in requested:
            yield f"{name}-requested", min(impact, _REQUESTED), words
        else:
            yield name, impact, words


def _of(delta: FileDelta) -> Iterator[tuple[str, float, str]]:
    for rule in _RULES:
        if rule.path.search(delta.path):
            yield rule.name, rule.impact, f"{delta.path} {rule.words}"
    if any(_SECURITY.path.fullmatch(word.lower()) for word in _WORD.findall(delta.path)):
        yield _SECURITY.name, _SECURITY.impact, f"{delta.path} {_SECURITY.words}"
    if delta.existed and not delta.exists:
        yield "deletion", _DELETION, f"{delta.path} is deleted"
    elif is_test(delta.path) and delta.removed:
        yield (
            "tests-changed",
            _TESTS,
            f"{delta.removed} lines of the test {delta.path} are removed or changed",
        )
