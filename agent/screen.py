"""What must not, or cannot, reach a model: secrets, binaries, odd names, and files too large to read."""

import re
from pathlib import PurePosixPath

from moot.agent.core.surrogates import has_surrogates
from moot.agent.core.types import Symbol

__all__ = ["why_not_content", "why_not_file", "why_not_path", "why_not_symbol"]

_MAX_BYTES = 1_000_000
_NUL_WINDOW = 8192
_SECRET_NAME = re.compile(
    r"^(?:\.env(?:rc)?(?:\..+)?|.+\.env|\.netrc|_netrc|\.pgpass|\.npmrc|\.pypirc|\.htpasswd"
    r"|\.git-credentials|\.dockercfg"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_.*)?|credentials(?:\.(?:json|ya?ml|toml|ini))?"
    r"|secrets?\.(?:json|ya?ml|toml|ini|env|properties)"
    r"|(?:service[-_]account|client_secret|application_default_credentials).*\.json"
    r"|kubeconfig|.+\.tfstate(?:\..+)?|.+\.tfvars(?:\.json)?"
    r"|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg))$",
    re.IGNORECASE,
)
_SECRET_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".kube", ".docker"})
_EXAMPLE = re.compile(r"\.(?:example|sample|template|dist|defaults?)$", re.IGNORECASE)
_SECRET_CONTENT = (
    (
        "a private key",
        re.compile(  # its lines may be indented, as in YAML, or one string with escapes, as in JSON
            rb"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            rb"[^\S\r\n]*+(?:\\++[rn]|[\r\n])(?:\\++[rn]|\s)*+[A-Za-z0-9+/=:]"
        ),
    ),
    ("an AWS key", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b(?<!EXAMPLE)")),
    ("a GitHub token", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})")),
    (
        "an API key",
        re.compile(
            rb"\b(?:sk-(?:proj-|ant-)?[A-Za-z0-9_-]{40,}|xox[abprs]-[A-Za-z0-9-]{20,}|xapp-\d-[\w-]{18,}"
            rb"|AIza[\w-]{35}|[sr]k_live_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{30,}|SG\.[\w-]{16,}\.[\w-]{16,})"
        ),
    ),
    ("a GitLab token", re.compile(rb"\bglpat-[\w-]{20,}")),
    (
        "an npm token",
        re.compile(rb"\b(?:npm_[A-Za-z0-9]{36}\b|npmAuthToken[\"']?:[^\S\r\n]*[\"']?[\w-]{16,})"),
    ),
)


def why_not_path(path: str) -> str | None:
    """Return why a file is left out by its path alone; None when it may be read."""
    if has_surrogates(path):
        return "its name is not UTF-8"
    pure = PurePosixPath(path)
    if not _SECRET_FOLDERS.isdisjoint(pure.parts[:-1]):
        return "secret: its folder holds keys"
    if _SECRET_NAME.match(pure.name) and not _EXAMPLE.search(pure.name):
        return "secret: its name is that of keys or passwords"
    return None


def why_not_content(data: bytes) -> str | None:
    """Return why a file is left out by its bytes; None when it may be shown."""
    if len(data) > _MAX_BYTES:
        return "larger than 1 MB"
    if b"\0" in data[:_NUL_WINDOW]:
        return "binary"
    for what, pattern in _SECRET_CONTENT:
        if pattern.search(data):
            return f"secret: it contains {what}"
    return None


def why_not_file(path: str, data: bytes) -> str | None:
    """Return why a file is left out by its path or its bytes; None when it may be shown."""
    return why_not_path(path) or why_not_content(data)


def why_not_symbol(symbol: Symbol) -> str | None:
    """Return why a definition is left out by its file's path or its signature; None when it may be shown."""
    return why_not_path(symbol.path) or why_not_content(symbol.signature.encode("utf-8", "replace"))
