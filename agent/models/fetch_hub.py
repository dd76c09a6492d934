"""Downloads a repository of weights into the hub's cache.

Runs under the model environment's own interpreter, by path; it must not import anything of ours.
Prints `downloading<TAB>done<TAB>total` on standard output, in bytes.
"""

import importlib
import sys
from fnmatch import fnmatch
from typing import Any

__all__ = ["main", "wanted"]

_KEPT = ("*.json", "*.jinja", "*.model", "*.safetensors", "tokenizer*", "tekken*")


def main(repo: str) -> int:
    """Download the files that vLLM reads, smallest first."""
    hub: Any = importlib.import_module("huggingface_hub")

    sizes: dict[str, int] = {
        file.rfilename: file.size or 0 for file in hub.HfApi().model_info(repo, files_metadata=True).siblings
    }
    names = wanted(sorted(sizes, key=sizes.__getitem__))
    total = sum(sizes[name] for name in names)
    done = 0
    for name in names:
        print(f"downloading\t{done}\t{total}", flush=True)
        hub.hf_hub_download(repo, name)
        done += sizes[name]
    print(f"downloading\t{total}\t{total}", flush=True)
    return 0


def wanted(names: list[str]) -> list[str]:
    """Return the files to download; a second copy of the weights in Mistral's own layout is left out."""
    kept = [name for name in names if "/" not in name and any(fnmatch(name, pattern) for pattern in _KEPT)]
    twice = any(fnmatch(name, "model*.safetensors") for name in kept)
    return [name for name in kept if not (twice and name.startswith("consolidated"))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
