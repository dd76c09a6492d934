"""Fill-in-the-middle prompts: how each family of models wants to be asked for the text between two texts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from moot.agent.core.errors import UsageError
from moot.agent.core.messages import CompletionRequest
from moot.agent.core.ports import ModelClient

__all__ = ["FORMATS", "PREFIX", "SUFFIX", "FimFormat", "fim_format", "form_of", "working_forms"]


@dataclass(frozen=True, slots=True)
class FimFormat:
    """The control tokens of one family.

    Attributes:
        name: what a model profile calls it.
        template: the prompt, with `{prefix}` and `{suffix}` each exactly once; the server's tokenizer puts
            before it what begins a text.
        stop: texts that end an answer; the servers stop at the end-of-text token by themselves. At
            most three: the OpenAI protocol allows four in a request, and a caller may add its own.
        file: another file of the repository, with `{path}` and `{text}`.
        controls: texts that a file may hold, but that must not be read as control tokens.
        start: what comes before the first of the other files.
        own: what comes after the last one, with `{path}` of the file that is completed.
        opening: the start of the prefix after other files, with `{path}`.
        inside: whether other files belong to the prefix.
    """

    name: str
    template: str
    stop: tuple[str, ...]
    file: str
    controls: tuple[str, ...]
    start: str = ""
    own: str = ""
    opening: str = ""
    inside: bool = False

    def prompt(self, prefix: str, suffix: str, files: Sequence[tuple[str, str]] = (), path: str = "") -> str:
        """Return the prompt whose completion is the text between `prefix` and `suffix`.

        Args:
            prefix: text before the hole; control tokens in any text are broken up by a space.
            suffix: text after the hole.
            files: path and text of other files, or parts of them, that help.
            path: of the file that is completed; said only where there are other files.
        """
        prefix, suffix, path = self._plain(prefix), self._plain(suffix), self._plain(path)
        if not files:
            return self.template.format(prefix=prefix, suffix=suffix)
        others = [self.file.format(path=self._plain(name), text=self._plain(text)) for name, text in files]
        before = self.start + "".join(others) + self.own.format(path=path)
        prefix = self.opening.format(path=path) + prefix
        if self.inside:
            return self.template.format(prefix=before + prefix, suffix=suffix)
        return before + self.template.format(prefix=prefix, suffix=suffix)

    def _plain(self, text: str) -> str:
        for control in self.controls:
            text = text.replace(control, f"{control[0]} {control[1:]}")
        return text


# Qwen2.5-Coder technical report (arXiv:2409.12186), section 3.2, "file-level" and "repo-level FIM". The
# repository's name is not known here; llama.cpp's /infill writes a fixed one, too.
_QWEN = FimFormat(
    "qwen",
    "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>",
    ("<|endoftext|>", "<|fim_pad|>", "<|file_sep|>"),
    file="<|file_sep|>{path}\n{text}\n",
    start="<|repo_name|>repository\n",
    own="<|file_sep|>{path}\n",
    controls=(
        *("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|endoftext|>"),
        *("<|repo_name|>", "<|file_sep|>", "<|im_start|>", "<|im_end|>"),
    ),
)
SUFFIX, PREFIX = "[SUFFIX]", "[PREFIX]"
"""Codestral's control tokens, of which the prompt has one each: `mistral.py` may have to make ids of them."""

# mistral-common, `InstructTokenizerV2.encode_fim`: [BOS] [SUFFIX] suffix [PREFIX] prefix. The headers of
# other files are those of Continue's template for Codestral.
_CODESTRAL = FimFormat(
    "codestral",
    f"{SUFFIX}{{suffix}}{PREFIX}{{prefix}}",
    (PREFIX, SUFFIX, "\n+++++ "),
    file="+++++ {path}\n{text}\n\n",
    opening="+++++ {path}\n",
    controls=(SUFFIX, PREFIX, "[MIDDLE]", "[INST]", "[/INST]"),
    inside=True,
)
# StarCoder (arXiv:2305.06161), section 4.2 and model card; other files as in StarCoder2
# (arXiv:2402.19173), section 5.1, where the path follows the prefix token.
_STARCODER = FimFormat(
    "starcoder",
    "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>",
    ("<fim_pad>", "<file_sep>", "<|endoftext|>"),
    file="<file_sep>{path}\n{text}",
    start="<repo_name>repository",
    own="<file_sep>",
    opening="{path}\n",
    controls=(
        *("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<fim_pad>", "<|endoftext|>"),
        *("<repo_name>", "<file_sep>"),
    ),
)
# DeepSeek-Coder (arXiv:2401.14196), section 3.1.2, and its README, whose repository-level example puts
# `#path` above each file; the bars are U+FF5C, the block U+2581.
_DEEPSEEK = FimFormat(
    "deepseek",
    "<｜fim▁begin｜>{prefix}<｜fim▁hole｜>{suffix}<｜fim▁end｜>",
    ("<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"),
    file="#{path}\n{text}\n",
    opening="#{path}\n",
    controls=(
        *("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
        *("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
    ),
    inside=True,
)

FORMATS: Mapping[str, FimFormat] = MappingProxyType(
    {form.name: form for form in (_QWEN, _CODESTRAL, _STARCODER, _DEEPSEEK)}
)
"""Every known format by name."""

_FAMILIES = (
    (("codestral",), "codestral"),
    (("starcoder",), "starcoder"),
    (("deepseek", "coder"), "deepseek"),
    (("qwen", "coder"), "qwen"),
)
"""Words of a model's name, and the form that its family was trained with."""

_PROBE = ("def area(width, height):\n    return width ", " height\n")
_PROBE_ANSWER = "*"
_PROBE_TOKENS = 4


def fim_format(name: str) -> FimFormat:
    """Return a format by name.

    Raises:
        UsageError: no format has that name.
    """
    try:
        return FORMATS[name]
    except KeyError as exc:
        raise UsageError(f"unknown FIM format {name!r}: use one of {', '.join(FORMATS)}") from exc


def form_of(model: str) -> FimFormat | None:
    """Return the format that goes with a model's name; None when its family is not known."""
    name = model.lower()
    return next((FORMATS[form] for words, form in _FAMILIES if all(word in name for word in words)), None)


async def working_forms(client: ModelClient, forms: Iterable[FimFormat]) -> list[FimFormat]:
    """Return the formats in which a model fills in a hole whose text is known, in one small request.

    A model that does not know a format goes on after the prefix and writes the suffix, too, so the answer
    counts only when it is the hole's text and nothing more.

    Raises:
        ModelError: the server does not answer, or it has no `/v1/completions`.
    """
    tried = list(forms)
    request = CompletionRequest(tuple(form.prompt(*_PROBE) for form in tried), _PROBE_TOKENS)
    answers = await client.complete(request)
    return [
        form for form, [answer] in zip(tried, answers, strict=True) if answer.text.strip() == _PROBE_ANSWER
    ]
