"""Turns a GGUF file, or a folder of safetensors, into the folder that vLLM serves on a processor.

Runs under the model environment's own interpreter, by path; it must not import anything of ours.
Prints `stage<TAB>done<TAB>total` on standard output.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]

_SHARD = 4 << 30


def main(argv: list[str] | None = None) -> int:
    """Convert `--source` into `--output`, which must be an empty folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="a GGUF file or a folder")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--weights", choices=("bf16", "int8"), default="bf16")
    options = parser.parse_args(argv)
    os.environ["HF_HUB_OFFLINE"] = "1"
    convert(options.source, options.output, int8=options.weights == "int8")
    return 0


def convert(source: Path, output: Path, int8: bool) -> None:
    """Save weights, configuration and tokenizer of `source`."""
    _tell("importing the converter", 0, 1)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, gguf = (source.parent, source.name) if source.is_file() else (source, None)
    _tell("reading the weights", 0, 1)
    model: Any = AutoModelForCausalLM.from_pretrained(str(folder), gguf_file=gguf, dtype=torch.bfloat16)
    _forget_quantisation(model)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), gguf_file=gguf)
    tokenizer.save_pretrained(str(output))
    model.generation_config.eos_token_id = _ends(model, tokenizer)
    if not int8:
        _tell("saving the weights", 0, 1)
        model.save_pretrained(str(output), safe_serialization=True, max_shard_size=_SHARD)
        return
    tensors = _quantised(model.state_dict(), tied=bool(model.config.tie_word_embeddings))
    _tell("saving the weights", 0, 1)
    model.config.save_pretrained(str(output))
    model.generation_config.save_pretrained(str(output))
    _save(tensors, output)
    _describe(output / "config.json")


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """Return every token that ends an answer.

    GGUF names only the one that ends a turn of a chat; an infill ends with the end of a text, and a
    server that does not know it writes on into the next file.
    """
    ends = [model.generation_config.eos_token_id, tokenizer.eos_token_id]
    text = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    return sorted({end for end in [*ends, text] if isinstance(end, int) and end >= 0})


def _forget_quantisation(model: Any) -> None:
    # transformers marks a model read from GGUF as quantised although its tensors no longer are,
    # and then refuses to save it.
    model.hf_quantizer = None
    model.is_quantized = False
    model.quantization_method = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def _quantised(state: dict[str, Any], tied: bool) -> dict[str, Any]:
    """Round the projections to 8 bits, to nearest, with one scale a row; embeddings and norms stay."""
    import torch

    tensors: dict[str, Any] = {}
    for number, (name, tensor) in enumerate(state.items()):
        _tell("quantising", number, len(state))
        if name.endswith("_proj.weight"):
            weight = tensor.float()
            scale = weight.abs().amax(dim=1, keepdim=True).clamp_min(1e-8) / 127
            tensors[name] = (weight / scale).round().clamp(-127, 127).to(torch.int8)
            tensors[f"{name}_scale"] = scale
        elif not (tied and name == "lm_head.weight"):
            tensors[name] = tensor.contiguous()
    return tensors


def _save(tensors: dict[str, Any], output: Path) -> None:
    from safetensors.torch import save_file

    save_file(tensors, str(output / "model.safetensors"), metadata={"format": "pt"})


def _describe(config: Path) -> None:
    """Say in `config.json` how the weights are kept, in the format of compressed-tensors 0.17.

    Activations are rounded to 8 bits too, with a scale for each token that is found as it comes.
    """
    values = json.loads(config.read_text(encoding="utf-8"))
    common = {"num_bits": 8, "type": "int", "symmetric": True}
    group = {
        "targets": ["Linear"],
        "weights": {**common, "strategy": "channel", "dynamic": False},
        "input_activations": {**common, "strategy": "token", "dynamic": True},
        "output_activations": None,
    }
    values["quantization_config"] = {
        "quant_method": "compressed-tensors",
        "format": "int-quantized",
        "quantization_status": "compressed",
        "ignore": ["lm_head"],
        "config_groups": {"group_0": group},
    }
    config.write_text(json.dumps(values, indent=1), encoding="utf-8")


def _tell(stage: str, done: int, total: int) -> None:
    print(f"{stage}\t{done}\t{total}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
