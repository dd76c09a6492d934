"""Turns a GGUF file into the safetensors folder that vLLM reads.

Runs under the model environment's own interpreter, by path; it must not import anything of ours.
Prints one line a phase on standard output: `phase<TAB>done<TAB>total`.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]

PHASES = ("importing", "dequantising", "saving", "tokenizer")


def main(argv: list[str] | None = None) -> int:
    """Convert `--gguf` into `--output`, which must be an empty folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(argv)
    os.environ["HF_HUB_OFFLINE"] = "1"
    convert(options.gguf, options.output)
    return 0


def convert(gguf: Path, output: Path) -> None:
    """Dequantise the weights to bfloat16 and save them beside the configuration and the tokenizer."""
    _phase("importing")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    _phase("dequantising")
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, dtype=torch.bfloat16
    )
    _forget_quantisation(model)
    _phase("saving")
    model.save_pretrained(str(output), safe_serialization=True)
    _phase("tokenizer")
    tokenizer: Any = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    tokenizer.save_pretrained(str(output))


def _forget_quantisation(model: Any) -> None:
    # transformers marks a model read from GGUF as quantised although its tensors no longer are,
    # and then refuses to save it.
    model.hf_quantizer = None
    model.is_quantized = False
    model.quantization_method = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def _phase(name: str) -> None:
    print(f"{name}\t{PHASES.index(name)}\t{len(PHASES)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
