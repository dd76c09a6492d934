"""What must not reach a model: keys in every form that files hold them in."""

import time

import pytest

from moot.agent.screen import why_not_content, why_not_path

BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        f"{BEGIN}\nMIIEow\n{END}\n",
        f"{BEGIN}\r\nMIIEow\r\n{END}\r\n",
        f'{{"private_key": "{BEGIN}\\nMIIEow\\n{END}\\n"}}',
        f'{{"private_key": "{BEGIN}\\r\\nMIIEow\\r\\n{END}"}}',
        f'"{{\\"private_key\\": \\"{BEGIN}\\\\nMIIEow\\"}}"',
        f"tls:\n  key: |\n    {BEGIN}\n    MIIEow\n    {END}\n",
        f"\t{BEGIN} \n\n\tMIIEow\n",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\nlQ\n",
    ],
)
def test_private_keys_are_seen(text):
    assert why_not_content(text.encode()) == "secret: it contains a private key"


@pytest.mark.parametrize(
    ("token", "what"),
    [
        (f"glpat-{'a1B_' * 5}", "GitLab"),
        (f"sk_live_{'a1B2' * 6}", "API"),
        (f"rk_live_{'a1B2' * 6}", "API"),
        (f"npm_{'a1B2' * 9}", "npm"),
        (f"hf_{'a1B2' * 9}", "API"),
        (f"SG.{'a1-_' * 5}.{'a1B2' * 10}", "API"),
        (f"xapp-1-{'A1B2' * 8}", "API"),
        (f"xoxb-{'A1B2' * 8}", "API"),
    ],
)
def test_tokens_are_seen(token, what):
    assert what in (why_not_content(f'KEY = "{token}"\n'.encode()) or "")
    assert why_not_content(f"KEY = '{token[:12]}'\n".encode()) is None


@pytest.mark.parametrize(
    "name",
    [
        *(
            ".env",
            ".envrc",
            ".env.local",
            ".npmrc",
            "id_rsa",
            "terraform.tfstate",
            "terraform.tfstate.backup",
        ),
        *("prod.tfvars", "prod.auto.tfvars.json", "client_secret_1.apps.json", "client_secrets.json"),
        *("application_default_credentials.json", "service_account.json", "secrets.yml", "kubeconfig"),
    ],
)
def test_files_of_keys_are_known_by_their_names(name):
    assert why_not_path(f"a/{name}") == "secret: its name is that of keys or passwords"


@pytest.mark.parametrize(
    "name",
    [
        *(
            ".env.example",
            ".env.sample",
            ".env.template",
            ".envrc.example",
            "prod.tfvars.example",
            ".yarnrc.yml",
        ),
        *("env.py", "main.tf", "client_secret.py", "environment.ts"),
    ],
)
def test_what_only_has_a_name_like_it_is_shown(name):
    assert why_not_path(f"a/{name}") is None


@pytest.mark.parametrize(("value", "hidden"), [("a1b2-a1b2-a1b2-a1b2", True), ('"${NPM_TOKEN}"', False)])
def test_the_settings_of_yarn_are_hidden_where_they_hold_a_token(value, hidden):
    text = f"nodeLinker: node-modules\nnpmAuthToken: {value}\n"
    assert (why_not_content(text.encode()) is not None) is hidden


@pytest.mark.parametrize(
    "text",
    [
        "if '-----BEGIN PRIVATE KEY-----' in text:\n    raise\n",
        "text.startswith('-----BEGIN PRIVATE KEY-----')\n",
        "'-----BEGIN PRIVATE KEY-----\\n' + body\n",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n",
        '#include "xapp-icon-chooser-dialog-private.h"\n',
    ],
)
def test_what_only_speaks_of_keys_is_shown(text):
    assert why_not_content(text.encode()) is None


@pytest.mark.parametrize("unit", [" ", "\n", "\\n", "\\", BEGIN + "\n"])
def test_hostile_texts_are_read_in_linear_time(unit):
    data = (BEGIN + unit * (900_000 // len(unit)) + "!").encode()
    began = time.process_time()
    assert why_not_content(data) is None
    assert time.process_time() - began < 2
