"""The right file comes first, and the result says why."""

import pytest

from moot.agent.index.index import CodeIndex
from moot.agent.index.mentions import read_mentions
from tests.agent.index.tree import tree

FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": """
from shop.money import round_price
class Cart:
    def add_item(self, item, count):
        self.items.append((item, count))
    def total(self):
        return round_price(sum(i.price * n for i, n in self.items))
""",
    "shop/money.py": """
def round_price(value):
    '''Round a price half up to cents.'''
    return int(value * 100 + 0.5) / 100
""",
    "shop/mail.py": """
class Mailer:
    def send_receipt(self, customer, order):
        return self.smtp.send(customer.email, order.text)
""",
    "shop/config.py": "TIMEOUT = 3\ndef load_config(path):\n    return path.read_text()\n",
    "tests/test_cart.py": """
from shop.cart import Cart
class TestCart:
    def test_total(self):
        cart = Cart()
        cart.add_item(1, 2)
        assert cart.total() == 2
""",
    "tests/test_mail.py": "from shop.mail import Mailer\ndef test_send_receipt(): Mailer().send_receipt(1)\n",
    "CHANGELOG.md": "- receipt mail sent to customer once\n- cart total rounds price\n",
    "web/app.ts": "import { format } from './format';\nexport function render() { return format(1); }\n",
    "web/format.ts": "export function format(n: number) { return n.toFixed(2); }\n",
    "vendor/mailer.py": "class Mailer:\n    def send_receipt(self, customer): return customer.receipt\n",
}
MODES = {"libs/other": "160000", "shop/link.py": "120000"}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    files = tree(FILES)
    with CodeIndex(tmp_path_factory.mktemp("search") / "i.db", workers=1) as index:
        index.update(files.entries, files.read_many)
        yield index


@pytest.mark.parametrize(
    ("query", "path", "reason"),
    [
        ("Receipts are mailed to the wrong customer when an order is sent", "shop/mail.py", "words: "),
        ("round_price(2.675) is off by one cent", "shop/money.py", "defines round_price"),
        ("Something is wrong in shop/config.py", "shop/config.py", "the task names shop/config.py"),
        ("money.py does odd things", "shop/money.py", "the task names money.py"),
        ("shop.config is slow", "shop/config.py", "the task names the module shop.config"),
        (
            'Traceback:\n  File "/home/me/app/shop/cart.py", line 7, in total\nTypeError',
            "shop/cart.py",
            "the trace names line 7 in total",
        ),
        ("web/format.ts:1:40 - error TS2339", "web/format.ts", "the trace names line 1"),
        (
            "FAILED tests/test_cart.py::TestCart::test_total",
            "shop/cart.py",
            "its test is tests/test_cart.py, which the task names",
        ),
    ],
)
def test_the_right_file_is_first(index, query, path, reason):
    first = index.search(query)[0]
    assert first.path == path
    assert any(why.startswith(reason) for why in first.reasons), first.reasons


def test_a_submodule_is_no_result_though_the_task_names_it(tmp_path):
    files = tree({"libs/other": "", "shop/link.py": "cart.py", "a.py": "x = 1\n"}, MODES)
    with CodeIndex(tmp_path / "i.db", workers=1) as index:
        index.update(files.entries, files.read_many)
        found = index.search("libs/other and shop/link.py are wrong in a.py")
        assert {file.path: file.unreadable for file in found} == {
            "shop/link.py": "a symbolic link",
            "a.py": "",
        }


def test_a_method_that_is_defined_apart_from_its_type_counts_as_defined(tmp_path):
    texts = {"store.go": "package srv\n\ntype Store struct{}\n"}
    texts["get.go"] = "package srv\n\nfunc (s *Store) Get(k string) string {\n\treturn k\n}\n"
    texts |= {
        f"m{n}.go": f"package srv\n\nfunc (m *M{n}) Get() int {{\n\treturn {n}\n}}\n" for n in range(40)
    }
    files = tree(texts)
    with CodeIndex(tmp_path / "i.db", workers=1) as index:
        index.update(files.entries, files.read_many)
        found = index.search("Store.Get panics")
    assert [file.path for file in found if "defines Store.Get" in file.reasons] == ["get.go"]


def test_every_result_says_why(index):
    for query in ("cart total price", "render", "tests/test_mail.py", "Mailer receipt"):
        for file in index.search(query):
            assert file.reasons, file


def test_the_symbols_are_those_the_task_is_about(index):
    trace = 'File "shop/cart.py", line 7, in total'
    assert index.search(trace)[0].symbols[0] == "Cart.total"
    assert index.search("`Cart.add_item` loses items")[0].symbols[0] == "Cart.add_item"


def test_tests_prose_and_vendored_files_are_ranked_down(index):
    ranked = {file.path: file for file in index.search("send receipt mail to customer")}
    assert ranked["shop/mail.py"].score == max(file.score for file in ranked.values())
    assert "ranked down: a test" in ranked["tests/test_mail.py"].reasons
    assert "ranked down: generated or vendored" in ranked["vendor/mailer.py"].reasons
    assert "ranked down: prose" in ranked["CHANGELOG.md"].reasons


def test_tests_are_not_ranked_down_when_they_are_the_task(index):
    ranked = {file.path: file for file in index.search("Add a test for send_receipt")}
    assert "ranked down: a test" not in ranked["tests/test_mail.py"].reasons


def test_imports_lead_on(index):
    ranked = {file.path: file for file in index.search("render the app")}
    assert "imported by web/app.ts" in ranked["web/format.ts"].reasons


def test_the_limit_and_the_order_are_kept(index):
    ranked = index.search("cart total price receipt", limit=3)
    assert len(ranked) == 3
    assert [f.score for f in ranked] == sorted((f.score for f in ranked), reverse=True)
    assert index.search("cart total price receipt", limit=3) == ranked


@pytest.mark.parametrize("query", ["", " \n", "the of and", "💥", "\0\0", "::::", "a/" * 5000, "((((" * 5000])
def test_a_query_that_says_nothing_is_no_error(index, query):
    assert isinstance(index.search(query), list)


def test_a_very_long_task_counts_by_its_two_ends(index):
    long = "fix round_price\n" + "lorem ipsum " * 200_000 + "\nsee shop/config.py"
    paths = [file.path for file in index.search(long)]
    assert {"shop/money.py", "shop/config.py"} <= set(paths[:3])


def test_mentions():
    found = read_mentions(
        "`parse_header` breaks: see lib/http/headers.py and HTTPServer.run().\n"
        "tests/test_h.py::TestH::test_x\n"
        '  File "/x/site-packages/lib/http/headers.py", line 12, in parse\n'
    )
    assert {"parse_header", "HTTPServer.run", "HTTPServer"} <= set(found.identifiers)
    assert "lib/http/headers.py" in found.paths
    assert found.tests == (("tests/test_h.py", "TestH.test_x"),)
    assert (found.frames[0].line, found.frames[0].name) == (12, "parse")
    assert "site" not in found.terms
