"""Small projects in several languages, each with the same seeded bug: a discount that is added."""

from dataclasses import dataclass

JS = """\
/** Adds prices. */
export function total(prices, discount) {
  let result = 0;
  for (const price of prices) {
    result += price;
  }
  if (discount) {
    result = result + discount;
  }
  return result;
}

export function unrelated() {
  return 1;
}
"""
GO = """\
package shop

// Total adds prices.
func Total(prices []int, discount int) int {
\tresult := 0
\tfor _, price := range prices {
\t\tresult += price
\t}
\tif discount > 0 {
\t\tresult = result + discount
\t}
\treturn result
}
"""
GO_TEST = """\
package shop

import "testing"

func TestSum(t *testing.T) {
\tif got := Total([]int{1, 2}, 0); got != 3 {
\t\tt.Errorf("Total() = %d, want 3", got)
\t}
}

func TestDiscount(t *testing.T) {
\tfor _, each := range []struct {
\t\tname           string
\t\tdiscount, want int
\t}{{"none at all", 0, 5}, {"one", 1, 4}} {
\t\tt.Run(each.name, func(t *testing.T) {
\t\t\tif got := Total([]int{5}, each.discount); got != each.want {
\t\t\t\tt.Errorf("Total() = %d, want %d", got, each.want)
\t\t\t}
\t\t})
\t}
}
"""
RUST = """\
pub fn total(prices: &[i32]) -> i32 {
    let mut result = 0;
    for price in prices {
        result += price;
    }
    result
}

pub fn lowered(result: i32, discount: i32) -> i32 {
    result + discount
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum() {
        assert_eq!(total(&[1, 2]), 3);
    }

    #[test]
    fn lower() {
        assert_eq!(lowered(total(&[5]), 1), 4);
    }
}
"""
PYTHON = """\
def total(prices, discount):
    result = 0
    for price in prices:
        result += price
    if discount:
        result = result + discount
    return result
"""


@dataclass(frozen=True)
class Seeded:
    """A project, its failing test, the place of the bug, and the line as it should be.

    Attributes:
        measured: whether coverage is to be had with nothing but the language's own tools.
    """

    name: str
    command: str
    files: dict[str, str]
    test: str
    path: str
    line: int
    measured: bool = True

    @property
    def bug(self) -> str:
        return self.files[self.path].splitlines()[self.line - 1].strip()

    @property
    def fixed(self) -> str:
        return self.files[self.path].replace("result + discount", "result - discount")


NODE = Seeded(
    "node",
    "node --test",
    {
        "package.json": '{"type": "module"}',
        "src/prices.js": JS,
        "test/prices.test.js": "import { test, describe, it } from 'node:test';\n"
        "import assert from 'node:assert';\nimport { total, unrelated } from '../src/prices.js';\n"
        "test('sum', () => assert.equal(total([1, 2], 0), 3));\n"
        "describe('discount', () => {\n"
        "  it('lower', async () => { assert.equal(total([5], 1), 4); });\n"
        "  it('none', () => assert.equal(total([5], 0), 5));\n});\n"
        "test('unrelated', () => assert.equal(unrelated(), 1));\n",
    },
    "test/prices.test.js > discount > lower",
    "src/prices.js",
    8,
)
GOLANG = Seeded(
    "go",
    "go test ./...",
    {"go.mod": "module example.org/m\n\ngo 1.18\n", "shop/prices.go": GO, "shop/prices_test.go": GO_TEST},
    "example.org/m/shop.TestDiscount/one",
    "shop/prices.go",
    10,
)
CARGO = Seeded(
    "cargo",
    "cargo test",
    {
        "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/lib.rs": RUST,
    },
    "shop::tests::lower",
    "src/lib.rs",
    10,
    measured=False,
)
UNITTEST = Seeded(
    "unittest",
    "python3 -m unittest discover",
    {
        "shop.py": PYTHON,
        "tests/__init__.py": "",
        "tests/test_shop.py": "import unittest\n\nfrom shop import total\n\n\n"
        "class Prices(unittest.TestCase):\n"
        "    def test_sum(self):\n        self.assertEqual(total([1, 2], 0), 3)\n\n"
        "    def test_lower(self):\n        self.assertEqual(total([5], 1), 4)\n",
    },
    "tests.test_shop.Prices.test_lower",
    "shop.py",
    6,
)
SEEDED = (NODE, GOLANG, CARGO, UNITTEST)
