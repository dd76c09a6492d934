"""The libraries whose bugs are mined: how their tests are run, and what these need."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["LIBRARIES", "Library", "Split", "split_of"]

Split = Literal["tune", "report"]

_PYTEST = "python -m pytest -q -o addopts= -o filterwarnings= -p no:cacheprovider"
_GO = "go test ./..."


@dataclass(frozen=True)
class Library:
    """A library of the set.

    Attributes:
        name: `owner/name` of its repository.
        command: runs all its tests, from its top.
        requirements: packages for `pip` or, for JavaScript, nothing: its own manifest says.
        files: generated files that its history does not hold: path -> text.
        wide: whether its whole suite is fast enough to grade by; else the files of the fix's tests are.
    """

    name: str
    language: str
    command: str
    requirements: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    wide: bool = True

    @property
    def split(self) -> Split:
        """The half that it is in."""
        return split_of(self.name)


def split_of(repository: str) -> Split:
    """Return a repository's half, by a hash of its name."""
    digest = hashlib.sha256(repository.lower().encode()).digest()
    return "tune" if digest[0] % 2 else "report"


def _python(
    name: str, *requirements: str, wide: bool = True, files: Mapping[str, str] | None = None
) -> Library:
    return Library(name, "python", _PYTEST, requirements, files or {}, wide)


def _go(name: str) -> Library:
    return Library(name, "go", _GO)


def _node(name: str, command: str) -> Library:
    return Library(name, "javascript", command)


def _version(path: str, *names: str) -> dict[str, str]:
    return {path: "".join(f'{name} = "99.0.0"\n' for name in names or ("__version__", "version"))}


LIBRARIES = (
    _python("python-humanize/humanize", "humanize", "freezegun", files=_version("src/humanize/_version.py")),
    _python("more-itertools/more-itertools"),
    _python("andialbrecht/sqlparse"),
    _python("mahmoud/boltons"),
    _python("python-poetry/tomlkit", "pyyaml"),
    _python("marshmallow-code/marshmallow", "marshmallow", "simplejson", "python-dateutil", "pytz"),
    _python("pallets/werkzeug", "werkzeug", "pytest-timeout", "ephemeral-port-reserve", "cryptography"),
    _python("pallets/jinja", "jinja2", "trio"),
    _python("pallets/click", "click"),
    _python("pallets/flask", "flask", "python-dotenv"),
    _python("pallets/itsdangerous", "itsdangerous", "freezegun"),
    _python("arrow-py/arrow", "arrow", "pytest-mock", "simplejson", "pytz", "dateparser", "tzdata"),
    _python("pypa/packaging", "pretend"),
    _python("davidhalter/parso"),
    _python("executablebooks/markdown-it-py", "markdown-it-py", "linkify-it-py", "pytest-regressions"),
    _python("python-attrs/attrs", "attrs", "hypothesis", "cloudpickle"),
    _python("mahmoud/glom", "glom", "pyyaml", "tomli"),
    _python("python-validators/validators", "eth-hash[pycryptodome]"),
    _python("jaraco/inflect", "inflect"),
    _python("pyparsing/pyparsing", "jinja2", "railroad-diagrams"),
    _python("jazzband/prettytable", "prettytable", "pytest-lazy-fixtures", "pytest-lazy-fixture"),
    _python("astanin/python-tabulate", "tabulate", "wcwidth"),
    _python("tobymao/sqlglot", "python-dateutil", "pytz", wide=False, files=_version("sqlglot/_version.py")),
    _python("Textualize/rich", "rich", "attrs"),
    _python("lark-parser/lark", "regex"),
    _python("lepture/mistune"),
    _python("Python-Markdown/markdown", "pyyaml"),
    _python("pytoolz/toolz", "toolz"),
    _python("PyCQA/pycodestyle"),
    _python("PyCQA/pyflakes"),
    _python("alecthomas/voluptuous"),
    _python("pyeve/cerberus", "cerberus"),
    _python("un33k/python-slugify", "text-unidecode"),
    _python("gruns/furl", "furl", "flask"),
    _python("seperman/deepdiff", "deepdiff", "numpy", "pydantic", "pytz", "python-dateutil", wide=False),
    _python("hhatto/autopep8", "autopep8"),
    _python("python-jsonschema/jsonschema", "jsonschema", "pyrsistent"),
    _python("encode/starlette", "starlette", "httpx", "itsdangerous", "jinja2", "python-multipart", "trio"),
    _python("encode/httpx", "httpx", "trio", "chardet", "trustme", "uvicorn"),
    _python("jmespath/jmespath.py", "hypothesis"),
    _python("networkx/networkx", wide=False),
    _python("sympy/sympy", "mpmath", "hypothesis", wide=False),
    _python("jpadilla/pyjwt", "pyjwt", "cryptography"),
    _python("pygments/pygments", wide=False),
    _python("PyCQA/isort", "isort", "hypothesis", "natsort", "toml", "colorama", wide=False),
    _python("adrienverge/yamllint", "yamllint"),
    _python("r1chardj0n3s/parse"),
    _python("jd/tenacity", "tenacity", "tornado", "typeguard"),
    _python("jquast/wcwidth"),
    _python("SethMMorton/natsort", "hypothesis", "pytest-mock"),
    _python("tkem/cachetools"),
    _go("spf13/pflag"),
    _go("BurntSushi/toml"),
    _go("Masterminds/semver"),
    _go("gorilla/mux"),
    _go("yuin/goldmark"),
    _go("russross/blackfriday"),
    _go("robfig/cron"),
    _go("buger/jsonparser"),
    _go("mattn/go-shellwords"),
    _node("micromatch/picomatch", "npx mocha"),
    _node("micromatch/micromatch", "npx mocha"),
    _node("micromatch/braces", "npx mocha"),
    _node("nodeca/js-yaml", "npx mocha"),
    _node("koajs/koa", "node --test"),
    _node("expressjs/express", "npx mocha --require test/support/env --check-leaks test/ test/acceptance/"),
    _node("validatorjs/validator.js", "npx mocha --require @babel/register --recursive"),
    _node("iamkun/dayjs", "npx jest"),
    _node("markdown-it/markdown-it", "npx mocha"),
    _node("tj/commander.js", "npx jest"),
)
