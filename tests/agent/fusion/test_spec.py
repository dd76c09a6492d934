"""Who a pool is, from the command line and the user's own settings."""

import pytest

from moot.agent.core.config import Settings, load_settings
from moot.agent.core.errors import UsageError
from moot.agent.fusion.spec import read_judge, read_pool

TABLES = Settings(
    pool=(
        {"name": "big", "model": "large-2", "base_url": "https://api.mistral.ai/v1", "price_in": 2},
        {"name": "v2", "model": "w", "base_url": "http://h:1/v1", "api_key_env": "MY_KEY", "samples": 2},
    ),
    price_in=0.5,
)


def told(text, settings=TABLES, samples=None):
    return [
        (each.name, each.model, each.base_url, each.samples) for each in read_pool(text, settings, samples)
    ]


def test_without_a_pool_the_local_model_gives_three():
    assert told(None) == [("local", None, None, 3)]
    assert told(None, samples=5) == [("local", None, None, 5)]


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("m", [("m", "m", None, 1)]),
        ("m x2, other*3", [("m", "m", None, 2), ("other", "other", None, 3)]),
        ("qwenx4", [("qwen", "qwen", None, 4)]),
        ("mixtral-8x7", [("mixtral-8x7", "mixtral-8x7", None, 1)]),
        ("mixtral-8x7b x2", [("mixtral-8x7b", "mixtral-8x7b", None, 2)]),
        ("v2x3", [("v2", "w", "http://h:1/v1", 3)]),
        ("big,v2", [("big", "large-2", "https://api.mistral.ai/v1", 1), ("v2", "w", "http://h:1/v1", 2)]),
        (
            "a/b:free@https://x.test/v1x2",
            [("a/b:free@https://x.test/v1", "a/b:free", "https://x.test/v1", 2)],
        ),
        ("@http://h:1", [("@http://h:1", None, "http://h:1", 1)]),
        ("m@https://me:pw@h/v1?k=1", [("m@https://h/v1", "m", "https://me:pw@h/v1?k=1", 1)]),
        ("m,m", [("m", "m", None, 2)]),
        ("all", [("big", "large-2", "https://api.mistral.ai/v1", 1), ("v2", "w", "http://h:1/v1", 2)]),
    ],
)
def test_the_forms_of_a_member(text, members):
    assert told(text) == members


def test_keys_and_prices():
    big, other = read_pool("big, v2", TABLES)
    assert (big.key_env, other.key_env) == ("MISTRAL_API_KEY", "MY_KEY")
    assert (big.price_in, other.price_in) == (2, 0)
    assert read_pool("m", TABLES)[0].price_in == 0.5
    assert read_pool("m@https://openrouter.ai/api/v1", TABLES)[0].key_env == "OPENROUTER_API_KEY"
    assert read_pool("m@https://openrouter.ai.evil.test/v1", TABLES)[0].key_env is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " , ", "a b", "m@ftp://x", "m x0", "m x99", "a,,b", "a,", "a,b,c,d,e,f,g,h,i", "*3"),
        *("m@ftp://me:secret@h", "m@http://me:secret@h/v1,,b", "https://me:secret@h/v1"),
    ],
)
def test_a_pool_of_no_meaning_is_refused(text):
    with pytest.raises(UsageError, match=r"pass NAME|answers|at most") as caught:
        read_pool(text, TABLES)
    assert "secret" not in str(caught.value)


def test_the_judge_is_the_first_or_who_is_named():
    pool = read_pool("big, m", TABLES)
    assert read_judge(None, TABLES, pool) is pool[0]
    assert read_judge("m", TABLES, pool) is pool[1]
    assert read_judge("large-2", TABLES, pool) is pool[0]
    assert read_judge("v2", TABLES, pool).model == "w"
    assert read_judge("j@http://h:2/v1", TABLES, pool).base_url == "http://h:2/v1"
    pool = read_pool("j@http://me:pw@h:2/v1", TABLES)
    assert read_judge("j@http://me:pw@h:2/v1", TABLES, pool) is pool[0]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('name = "a"\napi_key = "secret"', "api_key_env"),
        ('name = "a,b"', "name"),
        ('name = "a"\nweight = -1', "weight"),
        ('name = "a"\nprice_in = nan', "price_in"),
        ('name = "a"\nsurprise = 1', "surprise"),
        ('name = "a"\n[[pool]]\nname = "a"', "a name of its own"),
    ],
)
def test_bad_tables_are_refused_in_a_sentence(tmp_path, monkeypatch, table, words):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "moot").mkdir()
    (tmp_path / "moot" / "moot.toml").write_text(f"[[pool]]\n{table}\n")
    with pytest.raises(UsageError, match=words) as caught:
        load_settings()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["pool", "judge", "judge_threshold", "judge_scale"])
def test_a_repository_cannot_name_members_or_a_judge(tmp_path, name):
    (tmp_path / "moot.toml").write_text(f"{name} = 1\n")
    with pytest.raises(UsageError, match=f"may not set {name}"):
        load_settings(tmp_path)
