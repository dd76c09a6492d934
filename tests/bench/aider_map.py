"""Makes aider's own repository map; run by bench_index.py with the Python that aider is installed for.

    python tests/bench/aider_map.py ROOT QUERY

Its cache is kept below ROOT, as aider does.
"""

import sys
from pathlib import Path

from aider.io import InputOutput
from aider.repomap import RepoMap


class Tokens:
    """Counts as aider does for models that it does not know."""

    def token_count(self, text: str) -> int:
        """Return tokens."""
        return len(text) // 4


def main(root: str, query: str) -> None:
    """Make the map."""
    files = [str(path) for path in sorted(Path(root).rglob("*.py"))]
    io = InputOutput(pretty=False, yes=True)
    repo_map = RepoMap(map_tokens=1024, root=root, main_model=Tokens(), io=io)
    assert repo_map.get_repo_map([], files, mentioned_idents=set(query.split()))


if __name__ == "__main__":
    main(*sys.argv[1:])
