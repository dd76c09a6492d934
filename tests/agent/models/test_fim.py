import asyncio

import pytest

from moot.agent.core.errors import ModelAnswerError, UsageError
from moot.agent.models.client import OpenAIClient
from moot.agent.models.fim import FORMATS, fim_format, form_of, working_forms
from tests.scripted import Reply

PROMPTS = {
    "qwen": "<|fim_prefix|>before{}<|fim_suffix|>after<|fim_middle|>",
    "codestral": "[SUFFIX]after[PREFIX]before{}",
    "starcoder": "<fim_prefix>before{}<fim_suffix>after<fim_middle>",
    "deepseek": "<｜fim▁begin｜>before{}<｜fim▁hole｜>after<｜fim▁end｜>",
}
WITH_FILES = {
    "qwen": "<|repo_name|>repository\n<|file_sep|>a.py\nA{}\n<|file_sep|>b.py\nB\n<|file_sep|>c.py\n"
    "<|fim_prefix|>before<|fim_suffix|>after<|fim_middle|>",
    "codestral": "[SUFFIX]after[PREFIX]+++++ a.py\nA{}\n\n+++++ b.py\nB\n\n+++++ c.py\nbefore",
    "starcoder": "<repo_name>repository<file_sep>a.py\nA{}<file_sep>b.py\nB"
    "<file_sep><fim_prefix>c.py\nbefore<fim_suffix>after<fim_middle>",
    "deepseek": "<｜fim▁begin｜>#a.py\nA{}\n#b.py\nB\n#c.py\nbefore<｜fim▁hole｜>after<｜fim▁end｜>",
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompt_of_each_family(name: str):
    assert fim_format(name).prompt("before{}", "after") == PROMPTS[name]


@pytest.mark.parametrize("name", WITH_FILES)
def test_other_files_as_each_family_was_trained_with_them(name: str):
    files = [("a.py", "A{}"), ("b.py", "B")]
    assert fim_format(name).prompt("before", "after", files, "c.py") == WITH_FILES[name]


@pytest.mark.parametrize("name", FORMATS)
def test_text_with_braces_and_placeholders_is_kept(name: str):
    prompt = fim_format(name).prompt("{suffix}", "{prefix}}")
    assert "{suffix}" in prompt
    assert "{prefix}}" in prompt


@pytest.mark.parametrize("name", FORMATS)
def test_a_files_own_control_tokens_are_text(name: str):
    form = fim_format(name)
    hostile = "".join(form.controls)
    prompt = form.prompt(hostile, hostile, [("a.py", hostile)], hostile)
    plain = form.prompt("", "", [("a.py", "")], "b.py")
    assert all(prompt.count(control) == plain.count(control) for control in form.controls)


@pytest.mark.parametrize("name", FORMATS)
def test_a_caller_may_add_a_stop_within_the_protocols_four(name: str):
    assert 1 <= len(fim_format(name).stop) <= 3


def test_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="qwen, codestral, starcoder, deepseek"):
        fim_format("nonesuch")


@pytest.mark.parametrize(
    ("model", "form"),
    [
        ("mistralai/Codestral-2", "codestral"),
        ("qwen2.5-coder-1.5b", "qwen"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen"),
        ("bigcode/starcoder2-7b", "starcoder"),
        ("deepseek-ai/deepseek-coder-6.7b-base", "deepseek"),
        ("deepseek-ai/DeepSeek-R1", None),
        ("Qwen/Qwen3-8B", None),
        ("llama", None),
    ],
)
def test_the_family_of_a_model_by_its_name(model: str, form: str | None):
    found = form_of(model)
    assert (found.name if found else None) == form


def probed(server) -> list[str]:
    async def ask() -> list[str]:
        client = await OpenAIClient.connect(server.base_url, probe=False)
        try:
            return [form.name for form in await working_forms(client, FORMATS.values())]
        finally:
            await client.close()

    return asyncio.run(ask())


def test_a_form_works_when_the_model_fills_the_hole_and_stops(serve):
    """A model that takes a form for plain text goes on with what stands in the suffix."""
    answers = Reply(texts=["*", "* height\n", "(", "def"])
    server = serve(lambda _: answers, probes=False)
    assert probed(server) == ["qwen"]
    assert len([request for request in server.requests if request.path == "/v1/completions"]) == 1


def test_no_form_works_where_the_server_has_no_completions(serve):
    with pytest.raises(ModelAnswerError):
        probed(serve([], completions=False))
