"""Mines a repository's history for localisation: what a commit says, and the files that it changed.

    python tests/bench/retrieval/mine.py REPO.git OWNER/NAME SPLIT [--most N]

An instance is a commit with one parent, not by a bot, no chore, documentation, release or revert; its message
has at least six words; it changed at most eight files, removed or moved none, and modified one to five
sources that are no tests. The query is its message without trailers, numbers and addresses. Instances are
spread evenly over the history. Lines of JSON are added to SPLIT.jsonl beside this file; no text is kept.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from moot.agent.core.testfiles import is_test
from moot.agent.index.paths import is_vendored

HERE = Path(__file__).parent
LANGUAGES = {
    "py": "python",
    "go": "go",
    "rs": "rust",
    "java": "java",
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "jsx": "javascript",
    "ts": "typescript",
    "tsx": "typescript",
    "c": "c",
    "cc": "cpp",
    "cpp": "cpp",
    "cs": "c_sharp",
    "h": "cpp",
    "hpp": "cpp",
    "kt": "kotlin",
    "php": "php",
    "rb": "ruby",
}
BOT = re.compile(r"\[bot\]|\bbot\b|dependabot|renovate|greenkeeper|pre-commit", re.IGNORECASE)
UNWANTED = re.compile(
    r"^\W*(?:chore|docs?|ci|build|style|tests?|revert|release|bump|merge|typo|changelog|lint|format)\b"
    r"|\b(?:changelog|typos?|readme|version bump|bump version|docstring)\b",
    re.IGNORECASE,
)
TRAILER = re.compile(
    r"^(?:(?:[A-Z][A-Za-z-]+-[Bb]y|Change-Id|Reviewed-on|Cc|PR-URL)\b.*"
    r"|\W*(?:close[sd]?|fix(?:es|ed)?|refs?|resolve[sd]?|see)\b:?[\s,]*(?:[\w./-]*#\d+[\s,.]*)+)$",
    re.MULTILINE | re.IGNORECASE,
)
NUMBER = re.compile(r"\(?\b(?:GH-|gh-|PR ?)?#\d+\)?|https?://\S+|\b[0-9a-f]{7,40}\b")
LONGEST = 600  # characters of a query


def main() -> None:
    """Add a repository's instances to a split."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("repository", type=Path)
    arguments.add_argument("name")
    arguments.add_argument("split", choices=("learn", "report"))
    arguments.add_argument("--most", type=int, default=60)
    given = arguments.parse_args()
    found = list(instances(given.repository, given.name))
    step = max(1.0, len(found) / given.most)
    chosen = [found[int(place * step)] for place in range(min(given.most, len(found)))]
    with (HERE / f"{given.split}.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in chosen)
    print(f"{given.name}: {len(chosen)} of {len(found)} instances")


def instances(repository: Path, name: str) -> Iterator[dict[str, object]]:
    """Yield the usable commits, newest first."""
    layout = "%x01%H%x02%P%x02%an%x02%s%x02%b%x03"
    command = ["git", f"--git-dir={repository}", "log", "--no-merges", "--no-renames", "--name-status", "-z"]
    log = subprocess.run([*command, f"--format={layout}"], capture_output=True, check=True).stdout
    for entry in log.decode("utf-8", "replace").split("\x01")[1:]:
        head, _, changes = entry.partition("\x03")
        commit, parents, author, subject, body = head.split("\x02")
        query = clean(f"{subject}\n{body}")
        gold = sources(changes.strip("\0\n").split("\0"))
        wanted = len(parents.split()) == 1 and not BOT.search(author) and not UNWANTED.search(subject)
        if wanted and gold and len(query.split()) >= 6:
            yield {
                "repository": name,
                "commit": commit,
                "parent": parents,
                "query": query,
                "gold": gold,
                "language": LANGUAGES[gold[0].rpartition(".")[2]],
                "names_gold": any(Path(path).stem.lower() in query.lower() for path in gold),
            }


def clean(message: str) -> str:
    """Return a message without trailers, numbers and addresses."""
    text = NUMBER.sub(" ", TRAILER.sub("", message))
    return re.sub(r"[ \t]+", " ", re.sub(r"\s*\n\s*", "\n", text)).strip()[:LONGEST].strip()


def sources(changes: list[str]) -> list[str]:
    """Return the modified sources; none when the commit does not fit."""
    pairs = list(zip(changes[::2], changes[1::2], strict=False))
    if not pairs or len(pairs) > 8 or any(status.strip() not in ("M", "A") for status, _ in pairs):
        return []
    found = [path for status, path in pairs if status.strip() == "M" and is_source(path)]
    return found if len(found) <= 5 else []


def is_source(path: str) -> bool:
    """Tell whether a path is of code that is no test."""
    return path.rpartition(".")[2] in LANGUAGES and not is_test(path) and not is_vendored(path)


if __name__ == "__main__":
    main()
