"""What paths say of tests, in every language; the names of tests after their sources are with the index."""

import pytest

from moot.agent.core.testfiles import is_test


@pytest.mark.parametrize(
    "path",
    [
        "test_cart.py",
        "shop/cart_test.py",
        "tests/data.json",
        "shop/conftest.py",
        "shop/tests.py",
        "test.js",
        "src/tests.rs",
        "e2e/cart.ts",
        "cart-test.js",
        "cart-spec.js",
        "Cart.test.tsx",
        "cart.spec.d.ts",
        "testdata/cart.txt",
        "shop/fixtures/cart.json",
        "web/__snapshots__/cart.snap",
        "golden/cart.txt",
    ],
)
def test_tests_and_what_they_need(path):
    assert is_test(path)


@pytest.mark.parametrize(
    "path",
    [
        "contest.py",
        "latest.go",
        "testing.go",
        "src/attest/sign.go",
        "src/greatest.ts",
        "protest.rb",
        "src/main/java/TestRunner.java",
        "src/main/kotlin/TypeSpec.kt",
        "src/main/scala/FunSuite.scala",
        "src/main/java/Unit.java",
        "src/main/java/EXIT.java",
        "src/main/kotlin/Audit.kt",
        "specification/a.py",
        "Latest/a.cs",
        "src/Test/Client.php",
        "manifests/a.yaml",
        "src/werkzeug/test.py",
        "commands/test.py",
        "openapi_spec.py",
        "src/isTest.ts",
        "src/snapshot.go",
        "golden.py",
        "expected.rs",
    ],
)
def test_product_code_is_no_test(path):
    assert not is_test(path)
