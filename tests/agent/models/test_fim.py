import pytest

from moot.agent.core.errors import UsageError
from moot.agent.models.fim import FORMATS, fim_format

PROMPTS = {
    "qwen": "<|fim_prefix|>before{}<|fim_suffix|>after<|fim_middle|>",
    "codestral": "[SUFFIX]after[PREFIX]before{}",
    "starcoder": "<fim_prefix>before{}<fim_suffix>after<fim_middle>",
    "deepseek": "<｜fim▁begin｜>before{}<｜fim▁hole｜>after<｜fim▁end｜>",
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompt_of_each_family(name: str):
    assert fim_format(name).prompt("before{}", "after") == PROMPTS[name]


@pytest.mark.parametrize("name", FORMATS)
def test_text_with_braces_and_placeholders_is_kept(name: str):
    prompt = fim_format(name).prompt("{suffix}", "{prefix}}")
    assert "{suffix}" in prompt
    assert "{prefix}}" in prompt


@pytest.mark.parametrize("name", FORMATS)
def test_a_caller_may_add_a_stop_within_the_protocols_four(name: str):
    assert 1 <= len(fim_format(name).stop) <= 3


def test_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="qwen, codestral, starcoder, deepseek"):
        fim_format("nonesuch")
