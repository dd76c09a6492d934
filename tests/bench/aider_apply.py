"""Applies recorded answers with aider's own parser and applier; runs in an environment that has aider.

Usage: python aider_apply.py < cases.json > results.json
A case is {"form", "text", "path", "content"}; a result is {"refused", "files": {path: text}}.
"""

import importlib
import json
import sys
import tempfile
import types
from pathlib import Path
from typing import Any


def main() -> int:
    """Apply every case in a folder of its own."""
    for name, contents in (("mixpanel", "Mixpanel MixpanelException"), ("posthog", "Posthog")):
        # Telemetry, which aider imports and these classes never use.
        sys.modules[name] = types.ModuleType(name)
        for content in contents.split():
            setattr(sys.modules[name], content, type(content, (Exception,), {}))
    classes = {
        "search_replace": importlib.import_module("aider.coders.editblock_coder").EditBlockCoder,
        "diff": importlib.import_module("aider.coders.udiff_coder").UnifiedDiffCoder,
    }
    results = [apply(case, classes[case["form"]]) for case in json.load(sys.stdin)]
    json.dump(results, sys.stdout)
    return 0


def apply(case: dict[str, str], coder_class: Any) -> dict[str, Any]:
    """Let a coder read one answer and write what it makes of it."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch).resolve()
        file = root / case["path"]
        file.parent.mkdir(parents=True)
        file.write_text(case["content"])
        coder = _coder(coder_class, root, file)
        coder.partial_response_content = case["text"]
        try:
            coder.apply_edits(coder.get_edits())
            refused = False
        # Whatever aider raises here, its caller shows to the model and the edit counts as failed.
        except (ValueError, OSError, TypeError, IndexError, AttributeError) as exc:
            print(f"{case['path']}: {exc}"[:200], file=sys.stderr)
            refused = True
        return {"refused": refused, "files": _files(root)}


def _coder(coder_class: Any, root: Path, file: Path) -> Any:
    # Not through __init__, which wants a model, a git repository and a terminal.
    coder = coder_class.__new__(coder_class)
    coder.root, coder.abs_root_path_cache = str(root), {}
    coder.abs_fnames, coder.fence, coder.shell_commands = {str(file)}, ("```", "```"), []
    coder.io = types.SimpleNamespace(read_text=_read, write_text=_write)
    return coder


def _read(name: str) -> str | None:
    path = Path(name)
    return path.read_text() if path.is_file() else None


def _write(name: str, text: str) -> None:
    Path(name).write_text(text)


def _files(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
