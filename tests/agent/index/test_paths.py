"""What the names of files say of tests."""

import time

import pytest

from moot.agent.core.testfiles import is_test
from moot.agent.index import paths as names
from moot.agent.index.paths import Paths


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("tests/test_cart.py", "cart"),
        ("shop/cart_test.py", "cart"),
        ("tests/conftest.py", None),
        ("tests/data.py", None),
        ("shop/cart_test.go", "cart"),
        ("src/cart_test.rs", "cart"),
        ("tests/cart.rs", "cart"),
        ("tests/common/mod.rs", None),
        ("src/cart.test.ts", "cart"),
        ("src/Cart.test.tsx", "Cart"),
        ("src/cart.spec.ts", "cart"),
        ("src/__tests__/cart.ts", "cart"),
        ("src/__tests__/cart.spec.ts", "cart"),
        ("src/test/java/shop/CartTest.java", "Cart"),
        ("src/test/java/shop/CartTests.java", "Cart"),
        ("src/test/java/shop/TestCart.java", "Cart"),
        ("src/it/java/shop/CartIT.java", "Cart"),
        ("src/test/kotlin/CartTest.kt", "Cart"),
        ("src/commonTest/kotlin/CartSpec.kt", "Cart"),
        ("src/test/scala/CartSpec.scala", "Cart"),
        ("src/test/scala/CartSuite.scala", "Cart"),
        ("Shop.Tests/CartTests.cs", "Cart"),
        ("Tests/ShopTests/CartTests.swift", "Cart"),
        ("spec/cart_spec.rb", "cart"),
        ("test/cart_test.rb", "cart"),
        ("test/test_cart.rb", "cart"),
        ("tests/CartTest.php", "Cart"),
        ("src/cart_test.c", "cart"),
        ("src/cart_test.cc", "cart"),
        ("src/cart_unittest.cc", "cart"),
        ("test_deploy.sh", "deploy"),
        ("deploy.bats", "deploy"),
        ("UnitTests/Helper.cs", None),
        ("app/src/androidTest/java/Rule.java", None),
    ],
)
def test_a_test_and_its_subject(path: str, subject: str | None) -> None:
    assert is_test(path)
    assert names.test_subject(path) == subject


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("tests/test_cart.py", ["shop/cart.py"]),
        ("tests/pay/test_card.py", ["shop/pay/card.py"]),
        ("tests/test_models.py", ["shop/_models.py"]),
        ("tests/test_pay.py", ["shop/pay/__init__.py"]),
        ("tests/test_many.py", []),
        ("web/cart.test.ts", ["web/cart.tsx"]),
        ("web/Page.spec.ts", ["web/Page.vue"]),
        ("tests/cart_test.c", []),
        ("test/deploy.bats", ["deploy.sh"]),
    ],
)
def test_a_test_leads_to_the_nearest_source_of_its_language(test: str, found: list[str]) -> None:
    sources = [
        "deploy.sh",
        "shop/_models.py",
        "shop/card.py",
        "shop/cart.py",
        "shop/deep/inside/cart.py",
        "shop/pay/__init__.py",
        "shop/pay/card.py",
        "tests/cart.py",
        "tests/models.py",
        "web/Page.vue",
        "web/cart.tsx",
        *(f"{name}/many.py" for name in ("a", "b", "c", "d")),
    ]
    paths = Paths(sorted([*sources, test]))
    assert [paths.all[number] for number in paths.subjects(test)] == found


def test_many_sources_of_one_name_take_linear_time() -> None:
    paths = Paths(sorted([*(f"p{number}/util.py" for number in range(20_000)), "tests/test_util.py"]))
    began = time.process_time()
    assert paths.subjects("tests/test_util.py") == []
    assert time.process_time() - began < 5
