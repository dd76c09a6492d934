"""Fill-in-the-middle prompts: how each family of models wants to be asked for the text between two texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from moot.agent.core.errors import UsageError

__all__ = ["FORMATS", "FimFormat", "fim_format"]


@dataclass(frozen=True, slots=True)
class FimFormat:
    """The control tokens of one family.

    Attributes:
        name: what a model profile calls it.
        template: the prompt, with `{prefix}` and `{suffix}` each exactly once.
        stop: texts that end an answer; the servers stop at the end-of-text token by themselves. At
            most three: the OpenAI protocol allows four in a request, and a caller may add its own.
        bos: whether the prompt must start with the tokenizer's beginning-of-sequence token. It is
            never written into the prompt: a server's tokenizer adds it to a text completion.
    """

    name: str
    template: str
    stop: tuple[str, ...]
    bos: bool = False

    def prompt(self, prefix: str, suffix: str) -> str:
        """Return the prompt whose completion is the text between `prefix` and `suffix`."""
        head, rest = self.template.split("{", 1)
        first, rest = rest.split("}", 1)
        middle, tail = rest.split("{", 1)
        texts = (prefix, suffix) if first == "prefix" else (suffix, prefix)
        return head + texts[0] + middle + texts[1] + tail.split("}", 1)[1]


# Qwen2.5-Coder technical report (arXiv:2409.12186), section 3.2, "file-level FIM".
_QWEN = FimFormat(
    "qwen",
    "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>",
    ("<|endoftext|>", "<|fim_pad|>", "<|file_sep|>"),
)
# mistral-common, `InstructTokenizerV2.encode_fim`: [BOS] [SUFFIX] suffix [PREFIX] prefix.
_CODESTRAL = FimFormat(
    "codestral", "[SUFFIX]{suffix}[PREFIX]{prefix}", ("[PREFIX]", "[SUFFIX]", "[MIDDLE]"), bos=True
)
# StarCoder (arXiv:2305.06161), section 4.2 and model card; StarCoder2 uses the same tokens.
_STARCODER = FimFormat(
    "starcoder",
    "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>",
    ("<fim_pad>", "<file_sep>", "<|endoftext|>"),
)
# DeepSeek-Coder (arXiv:2401.14196), section 3.1.2, and its README; the bars are U+FF5C, the block U+2581.
_DEEPSEEK = FimFormat(
    "deepseek",
    "<｜fim▁begin｜>{prefix}<｜fim▁hole｜>{suffix}<｜fim▁end｜>",
    ("<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"),
    bos=True,
)

FORMATS: Mapping[str, FimFormat] = MappingProxyType(
    {form.name: form for form in (_QWEN, _CODESTRAL, _STARCODER, _DEEPSEEK)}
)
"""Every known format by name."""


def fim_format(name: str) -> FimFormat:
    """Return a format by name.

    Raises:
        UsageError: no format has that name.
    """
    try:
        return FORMATS[name]
    except KeyError as exc:
        raise UsageError(f"unknown FIM format {name!r}: use one of {', '.join(FORMATS)}") from exc
