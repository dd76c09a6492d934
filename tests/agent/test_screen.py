"""What must not reach a model: keys in every form that files hold them in."""

import time

import pytest

from moot.agent.screen import why_not_content

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
    "text",
    [
        "if '-----BEGIN PRIVATE KEY-----' in text:\n    raise\n",
        "text.startswith('-----BEGIN PRIVATE KEY-----')\n",
        "'-----BEGIN PRIVATE KEY-----\\n' + body\n",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n",
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
