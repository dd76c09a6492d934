"""Which files an import means, language by language, in trees like those of real repositories."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import pytest

from moot.agent.index.extract import extract
from moot.agent.index.imports.resolve import RULES, Resolver
from moot.agent.index.imports.tree import Tree
from moot.agent.index.languages import QUERIES, language_of
from moot.agent.index.paths import Paths

Files = Mapping[str, str]


def resolver(files: Files) -> tuple[Paths, Resolver]:
    """Return a resolver over files given by path; what they declare is extracted from their texts."""
    paths = Paths(sorted(files))
    facts = [extract(files[path].encode(), language_of(path)) for path in paths.all]

    def read(numbers: Collection[int]) -> Iterator[tuple[int, bytes]]:
        yield from ((number, files[paths.all[number]].encode()) for number in numbers)

    def defining(name: str) -> Sequence[int]:
        return [n for n, said in enumerate(facts) if name in {each.name for each in said.outline}]

    def packages(numbers: Sequence[int]) -> Sequence[str]:
        return [facts[number].links.package for number in numbers]

    return paths, Resolver(Tree(paths, read, defining, packages))


def imported(files: Files, module: str, importer: str) -> list[str]:
    paths, found = resolver(files)
    return [paths.all[number] for number in found.files(module, importer)]


def none_of(*paths: str) -> dict[str, str]:
    return dict.fromkeys(paths, "")


GO = {
    "go.mod": "module example.com/shop\n\ngo 1.22\n",
    "cart/cart.go": "package cart\n",
    "cart/price.go": "package cart\n",
    "cart/cart_test.go": "package cart\n",
    "cart/README.md": "",
    "json/json.go": "package json\n",
    "main.go": "package main\n",
    "tools/go.mod": "// the tools\nmodule example.com/shop/tools // ours\n",
    "tools/lint/lint.go": "package lint\n",
    "cart/tools/x.go": "package tools\n",
}
GOPATH = none_of(
    "src/main.go", "pkg/store/store.go", "pkg/store/store_test.go", "json/json.go", "errors/errors.go"
)
PYTHON = none_of(
    "src/shop/__init__.py",
    "src/shop/cart.py",
    "src/shop/json.py",
    "src/shop/sub/__init__.py",
    "src/shop/sub/deep.py",
    "src/shop/types.pyi",
    "tests/conftest.py",
    "tests/helper.py",
    "tests/data/yaml/__init__.py",
    "scripts/build.py",
    "scripts/common.py",
    "scripts/types.py",
    "libs/pay/pay/__init__.py",
    "libs/pay/pay/card.py",
    "space/a/b.py",
    "settings.py",
)
MAPPED = {
    "pyproject.toml": '[tool.setuptools.package-dir]\n"acme.core" = "core"\n"acme.core.fast" = "fast"\n',
    **none_of("core/__init__.py", "core/db.py", "fast/__init__.py", "fast/io.py", "db.py"),
}
WORKSPACE = {
    "package.json": '{"name": "root", "imports": {"#lib/*": "./tools/*.js", "#env": {"node": "./env.node"}}}',
    "tsconfig.json": """{
        // where things are
        "compilerOptions": {
            "baseUrl": ".", /* the top */
            "paths": {"@/*": ["app/src/*"], "exact": ["app/src/exact.ts"],},
        },
    }""",
    "packages/ui/package.json": '{"name": "@shop/ui", "main": "dist/index.js", "exports": '
    '{".": "./dist/index.js", "./theme": "./src/theming/theme.ts"}}',
    "packages/money/package.json": '{"name": "money", "main": "lib/entry"}',
    "packages/broken/package.json": '{"name": ',
    "extended/tsconfig.json": '{"extends": "../base.tsconfig"}',
    "base.tsconfig.json": '{"compilerOptions": {"paths": {"~/*": ["./app/src/*"]}}}',
    **none_of(
        "app/src/a.ts",
        "app/src/b.tsx",
        "app/src/c/index.ts",
        "app/src/d.js",
        "app/src/d.d.ts",
        "app/src/e.mts",
        "app/src/page.vue",
        "app/src/data.json",
        "app/src/exact.ts",
        "app/src/react.ts",
        "env.node.ts",
        "extended/x.ts",
        "packages/ui/src/index.ts",
        "packages/ui/src/button.tsx",
        "packages/ui/src/theming/theme.ts",
        "packages/money/lib/entry.js",
        "tools/clean.js",
    ),
}
RUST = {
    "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n\n[package]\nname = "shop"\n',
    "crates/shop-cart/Cargo.toml": '[package]\nname = "shop-cart"\nversion = "1.0.0"\n',
    "crates/pay/Cargo.toml": '[package]\nname = "pay-impl"\n[lib]\nname = "pay"\npath = "lib.rs"\n',
    **none_of(
        "src/main.rs",
        "src/lib.rs",
        "src/config.rs",
        "src/config/file.rs",
        "src/net/mod.rs",
        "src/net/http.rs",
        "src/bin/tool.rs",
        "src/bin/args.rs",
        "tests/cart.rs",
        "tests/common/mod.rs",
        "crates/shop-cart/src/lib.rs",
        "crates/shop-cart/src/item.rs",
        "crates/pay/lib.rs",
        "std.rs",
    ),
}
CORE, WEB = "core/src/main/java/org/shop", "web/src/main/java/org/shop"
JAVA = none_of(
    f"{CORE}/Cart.java",
    f"{CORE}/money/Amount.java",
    f"{CORE}/money/Rate.java",
    "core/src/test/java/org/shop/CartTest.java",
    f"{WEB}/web/Page.java",
    f"{WEB}/money/Amount.java",
    "util/List.java",
)
KOTLIN = {
    "app/src/Feed.kt": "package org.shop.feed\n\nclass Feed\n\nfun slug(text: String) = text\n",
    "app/src/net/Client.kt": "package org.shop.net\n\nclass Client\n",
    "app/src/Other.kt": "package org.other\n\nclass Client\n",
    "lib/src/main/java/org/shop/Price.java": "package org.shop;\n\nclass Price {}\n",
}
SHOP = "core/src/main/scala/org/shop"
SCALA = {
    f"{SHOP}/Cart.scala": "package org.shop\n\nclass Cart\n",
    f"{SHOP}/package.scala": "package org\n\npackage object shop { type Id = Int }\n",
    f"{SHOP}/std/Queue.scala": "package org.shop\npackage std\n\nclass Queue\nclass Bag\n",
    f"{SHOP}/std/Main.scala": "package org.shop.std\n",
}
C = none_of(
    "src/net/http.c",
    "src/net/http.h",
    "src/util.h",
    "lib/util.h",
    "include/shop/cart.hpp",
    "src/cart.cpp",
    "tests/cart_test.cpp",
    "compat/sys/types.h",
    "gen/config.h",
    "old/config.h",
    "new/config.h",
)
CSHARP = {
    "src/Cart/Cart.cs": "namespace Shop.Cart;\nclass Cart {}\n",
    "src/Cart/Line.cs": "namespace Shop.Cart\n{\n    class Line {}\n}\n",
    "src/Elsewhere/Money.cs": "namespace Shop.Money;\nclass Money {}\n",
    "src/Polyfill.cs": "namespace System.Text;\nclass Span {}\n",
    "tests/CartTests.cs": "namespace Shop.Tests;\n",
    **{f"src/Many/C{n}.cs": "namespace Shop.Many;\n" for n in range(20)},
}
PHP = {
    "composer.json": '{"autoload": {"psr-4": {"Shop\\\\": "src/", "Shop\\\\Pay\\\\": ["pay/src"]}}, '
    '"autoload-dev": {"psr-4": {"Shop\\\\Tests\\\\": "tests"}}}',
    **none_of(
        "src/Cart.php",
        "src/Pay/Card.php",
        "pay/src/Card.php",
        "tests/CartTest.php",
        "lib/Old/Money/Price.php",
        "Exception.php",
        "src/helpers.php",
    ),
}
RUBY = none_of(
    "lib/shop.rb",
    "lib/shop/cart.rb",
    "lib/shop/json.rb",
    "spec/spec_helper.rb",
    "gems/pay/lib/pay/card.rb",
    "bin/run.rb",
)
BASH = none_of("scripts/deploy.sh", "scripts/lib/common.sh", "env.sh", ".env", "other/common.sh")


@pytest.mark.parametrize(
    ("files", "importer", "module", "found"),
    [
        (GO, "main.go", "example.com/shop/cart", ["cart/cart.go", "cart/price.go"]),
        (GO, "cart/cart_test.go", "example.com/shop", ["main.go"]),
        (GO, "main.go", "example.com/shop/tools/lint", ["tools/lint/lint.go"]),
        (GO, "main.go", "encoding/json", []),
        (GO, "main.go", "github.com/other/cart", []),
        (GO, "main.go", "example.com/shopping/cart", []),
        (GOPATH, "src/main.go", "github.com/acme/shop/pkg/store", ["pkg/store/store.go"]),
        (GOPATH, "src/main.go", "encoding/json", []),
        (GOPATH, "src/main.go", "github.com/pkg/errors", []),
        (PYTHON, "src/shop/cart.py", ".sub.deep.name", ["src/shop/sub/deep.py"]),
        (PYTHON, "src/shop/sub/deep.py", "..cart.Cart", ["src/shop/cart.py"]),
        (PYTHON, "src/shop/sub/deep.py", ".sibling", ["src/shop/sub/__init__.py"]),
        (PYTHON, "src/shop/cart.py", "...too.far", []),
        (PYTHON, "src/shop/cart.py", ".types.Money", ["src/shop/types.pyi"]),
        (PYTHON, "tests/conftest.py", "shop.cart.Cart", ["src/shop/cart.py"]),
        (PYTHON, "tests/conftest.py", "shop", ["src/shop/__init__.py"]),
        (PYTHON, "tests/conftest.py", "helper", ["tests/helper.py"]),
        (PYTHON, "src/shop/cart.py", "helper", []),
        (PYTHON, "src/shop/cart.py", "json", []),
        (PYTHON, "src/shop/cart.py", "yaml", []),
        (PYTHON, "src/shop/cart.py", "cart", []),
        (PYTHON, "scripts/build.py", "common.run", ["scripts/common.py"]),
        (PYTHON, "scripts/build.py", "types", []),
        (PYTHON, "scripts/build.py", "pay.card", ["libs/pay/pay/card.py"]),
        (PYTHON, "space/a/c.py", "a.b.name", ["space/a/b.py"]),
        (PYTHON, "src/shop/cart.py", "settings", ["settings.py"]),
        (PYTHON, "src/shop/cart.py", "os.path", []),
        (MAPPED, "core/db.py", "acme.core.db.connect", ["core/db.py"]),
        (MAPPED, "core/db.py", "acme.core.fast.io", ["fast/io.py"]),
        (MAPPED, "core/db.py", "acme.core", ["core/__init__.py"]),
        (MAPPED, "core/db.py", "acme.db", []),
        (WORKSPACE, "app/src/a.ts", "./b", ["app/src/b.tsx"]),
        (WORKSPACE, "app/src/a.ts", "./c", ["app/src/c/index.ts"]),
        (WORKSPACE, "app/src/a.ts", "./d", ["app/src/d.d.ts"]),
        (WORKSPACE, "app/src/x.js", "./d", ["app/src/d.js"]),
        (WORKSPACE, "app/src/a.ts", "./b.js", ["app/src/b.tsx"]),
        (WORKSPACE, "app/src/a.ts", "./e.mjs", ["app/src/e.mts"]),
        (WORKSPACE, "app/src/a.ts", "./page.vue", ["app/src/page.vue"]),
        (WORKSPACE, "app/src/a.ts", "./data", ["app/src/data.json"]),
        (WORKSPACE, "app/src/a.ts", "../../env.node?raw", ["env.node.ts"]),
        (WORKSPACE, "app/src/a.ts", "../../../outside", []),
        (WORKSPACE, "app/src/c/index.ts", "@/b", ["app/src/b.tsx"]),
        (WORKSPACE, "app/src/c/index.ts", "exact", ["app/src/exact.ts"]),
        (WORKSPACE, "app/src/c/index.ts", "tools/clean", ["tools/clean.js"]),
        (WORKSPACE, "extended/x.ts", "~/a", ["app/src/a.ts"]),
        (WORKSPACE, "app/src/a.ts", "react", []),
        (WORKSPACE, "app/src/a.ts", "#lib/clean", ["tools/clean.js"]),
        (WORKSPACE, "app/src/a.ts", "#env", ["env.node.ts"]),
        (WORKSPACE, "app/src/a.ts", "@shop/ui", ["packages/ui/src/index.ts"]),
        (WORKSPACE, "app/src/a.ts", "@shop/ui/button", ["packages/ui/src/button.tsx"]),
        (WORKSPACE, "app/src/a.ts", "@shop/ui/theme", ["packages/ui/src/theming/theme.ts"]),
        (WORKSPACE, "app/src/a.ts", "money", ["packages/money/lib/entry.js"]),
        (WORKSPACE, "packages/ui/src/button.tsx", "../../money", ["packages/money/lib/entry.js"]),
        (RUST, "src/lib.rs", "./config", ["src/config.rs"]),
        (RUST, "src/lib.rs", "./net", ["src/net/mod.rs"]),
        (RUST, "src/net/mod.rs", "./http", ["src/net/http.rs"]),
        (RUST, "src/config.rs", "./file", ["src/config/file.rs"]),
        (RUST, "tests/cart.rs", "./common", ["tests/common/mod.rs"]),
        (RUST, "src/lib.rs", "./net/http", ["src/net/http.rs"]),
        (RUST, "src/config.rs", "crate::net::http::get", ["src/net/http.rs"]),
        (RUST, "src/config.rs", "crate::Error", ["src/lib.rs"]),
        (RUST, "src/config.rs", "self::file::read", ["src/config/file.rs"]),
        (RUST, "src/config.rs", "self::Local", []),
        (RUST, "src/net/http.rs", "super::Socket", ["src/net/mod.rs"]),
        (RUST, "src/net/http.rs", "super::super::config::*", ["src/config.rs"]),
        (RUST, "src/config/file.rs", "super::self", ["src/config.rs"]),
        (RUST, "src/lib.rs", "config::Config", ["src/config.rs"]),
        (RUST, "src/main.rs", "shop::config::Config", ["src/config.rs"]),
        (RUST, "src/main.rs", "shop_cart::item::Item", ["crates/shop-cart/src/item.rs"]),
        (RUST, "src/main.rs", "::shop_cart::Cart", ["crates/shop-cart/src/lib.rs"]),
        (RUST, "src/main.rs", "pay::Card", ["crates/pay/lib.rs"]),
        (RUST, "src/bin/tool.rs", "crate::args::Args", ["src/bin/args.rs"]),
        (RUST, "tests/common/mod.rs", "crate::config", []),
        (RUST, "src/lib.rs", "std::fmt", []),
        (RUST, "src/lib.rs", "serde::de::Error", []),
        (JAVA, f"{CORE}/Cart.java", "org.shop.money.Rate", [f"{CORE}/money/Rate.java"]),
        (JAVA, f"{CORE}/Cart.java", "org.shop.money.Amount", [f"{CORE}/money/Amount.java"]),
        (JAVA, f"{WEB}/web/Page.java", "org.shop.money.Amount.ZERO", [f"{WEB}/money/Amount.java"]),
        (JAVA, "core/src/test/java/org/shop/CartTest.java", "org.shop.web", [f"{WEB}/web/Page.java"]),
        (JAVA, f"{WEB}/web/Page.java", "org.shop", [f"{CORE}/Cart.java"]),
        (JAVA, f"{CORE}/Cart.java", "java.util.List", []),
        (JAVA, f"{CORE}/Cart.java", "com.other.Cart", []),
        (KOTLIN, "app/src/Feed.kt", "org.shop.net.Client", ["app/src/net/Client.kt"]),
        (KOTLIN, "app/src/net/Client.kt", "org.shop.feed.slug", ["app/src/Feed.kt"]),
        (KOTLIN, "app/src/net/Client.kt", "org.shop.feed.Feed.Companion.of", ["app/src/Feed.kt"]),
        (KOTLIN, "app/src/Feed.kt", "org.shop.`Price`", ["lib/src/main/java/org/shop/Price.java"]),
        (KOTLIN, "app/src/Feed.kt", "okhttp3.Client", []),
        (SCALA, f"{SHOP}/std/Main.scala", "org.shop.Cart", [f"{SHOP}/Cart.scala"]),
        (
            SCALA,
            f"{SHOP}/std/Main.scala",
            "org.shop.std._",
            [f"{SHOP}/std/Main.scala", f"{SHOP}/std/Queue.scala"],
        ),
        (SCALA, f"{SHOP}/std/Main.scala", "org.shop.std.Bag", [f"{SHOP}/std/Queue.scala"]),
        (SCALA, f"{SHOP}/std/Main.scala", "std.Queue", [f"{SHOP}/std/Queue.scala"]),
        (SCALA, f"{SHOP}/std/Main.scala", "org.shop.Id", [f"{SHOP}/package.scala"]),
        (SCALA, f"{SHOP}/std/Main.scala", "scala.collection.mutable.Queue", []),
        (C, "src/net/http.c", "http.h", ["src/net/http.h", "src/net/http.c"]),
        (C, "src/main.c", "net/http.h", ["src/net/http.h", "src/net/http.c"]),
        (C, "src/net/http.c", "../util.h", ["src/util.h"]),
        (C, "lib/x.c", "util.h", ["lib/util.h"]),
        (C, "src/main.cc", "shop/cart.hpp", ["include/shop/cart.hpp", "src/cart.cpp"]),
        (C, "src/main.cc", "<shop/cart.hpp>", ["include/shop/cart.hpp", "src/cart.cpp"]),
        (C, "src/main.c", "<sys/types.h>", []),
        (C, "compat/all.c", "<sys/types.h>", ["compat/sys/types.h"]),
        (C, "src/main.c", "config.h", []),
        (C, "src/main.c", "gtest/gtest.h", []),
        (CSHARP, "tests/CartTests.cs", "Shop.Cart", ["src/Cart/Cart.cs", "src/Cart/Line.cs"]),
        (CSHARP, "tests/CartTests.cs", "Shop.Cart.Line", ["src/Cart/Line.cs"]),
        (CSHARP, "tests/CartTests.cs", "Cart", ["src/Cart/Cart.cs", "src/Cart/Line.cs"]),
        (CSHARP, "tests/CartTests.cs", "Shop.Money", ["src/Elsewhere/Money.cs"]),
        (CSHARP, "tests/CartTests.cs", "Shop.Many", []),
        (CSHARP, "tests/CartTests.cs", "System.Text", []),
        (PHP, "tests/CartTest.php", "Shop\\Cart", ["src/Cart.php"]),
        (PHP, "tests/CartTest.php", "Shop\\Pay\\Card", ["pay/src/Card.php"]),
        (PHP, "src/Cart.php", "Shop\\Tests.CartTest", ["tests/CartTest.php"]),
        (PHP, "src/Cart.php", "Old\\Money\\Price", ["lib/Old/Money/Price.php"]),
        (PHP, "src/Cart.php", "Exception", []),
        (PHP, "src/Cart.php", "Other\\Cart", []),
        (PHP, "src/Cart.php", "/../composer.json", ["composer.json"]),
        (PHP, "src/Cart.php", "helpers.php", ["src/helpers.php"]),
        (RUBY, "spec/cart_spec.rb", "spec_helper", ["spec/spec_helper.rb"]),
        (RUBY, "spec/cart_spec.rb", "shop/cart", ["lib/shop/cart.rb"]),
        (RUBY, "lib/shop.rb", "pay/card", ["gems/pay/lib/pay/card.rb"]),
        (RUBY, "lib/shop.rb", "json", []),
        (RUBY, "bin/run.rb", "./../lib/shop", ["lib/shop.rb"]),
        (BASH, "scripts/deploy.sh", "./lib/common.sh", ["scripts/lib/common.sh"]),
        (BASH, "scripts/deploy.sh", "/lib/common.sh", ["scripts/lib/common.sh"]),
        (BASH, "scripts/deploy.sh", "'env.sh'", ["env.sh"]),
        (BASH, "scripts/deploy.sh", "/.env", []),
        (BASH, "scripts/deploy.sh", "common.sh", []),
        ({"App/A.swift": "", "Kit/B.swift": ""}, "App/A.swift", "Kit", []),
        ({"a.sql": "", "b.sql": ""}, "a.sql", "b", []),
    ],
)
def test_an_import_means(files: Files, importer: str, module: str, found: list[str]) -> None:
    assert imported(files, module, importer) == found


def test_every_language_with_queries_has_a_rule_or_is_left_out_on_purpose():
    assert QUERIES.keys() - RULES.keys() == {"sql", "swift"}


def test_many_equally_near_files_mean_none():
    files = none_of("main.cc", *(f"{name}/config.h" for name in "abc"))
    assert imported(files, "config.h", "main.cc") == []
    assert imported(files, "config.h", "a/x.cc") == ["a/config.h"]


@pytest.mark.parametrize(
    "hostile", ["[" * 100_000, '{"a":' * 100_000, '"' * 100_001, "/*" * 50_000, "a." * 50_000]
)
@pytest.mark.parametrize(
    ("name", "importer", "module"),
    [
        ("go.mod", "a.go", "example.com/a"),
        ("package.json", "a.ts", "b"),
        ("tsconfig.json", "a.ts", "b"),
        ("Cargo.toml", "a.rs", "b::c"),
        ("composer.json", "a.php", "A\\B"),
        ("pyproject.toml", "a.py", "b"),
    ],
)
def test_a_hostile_configuration_says_nothing(name: str, importer: str, module: str, hostile: str) -> None:
    assert imported({name: hostile, importer: ""}, module, importer) == []


@pytest.mark.parametrize(
    "said",
    [
        "[]",
        "null",
        '{"name": 1, "imports": [], "exports": 3, "compilerOptions": "x", "extends": ["y"], "autoload": 7}',
    ],
)
def test_values_of_other_types_say_nothing(said: str) -> None:
    files = {"package.json": said, "tsconfig.json": said, "composer.json": said, "a.ts": "", "a.php": ""}
    assert imported(files, "#b", "a.ts") == []
    assert imported(files, "A\\B", "a.php") == []


@pytest.mark.parametrize("importer", ["a.py", "a.rs", "a.go", "a.kt", "a.cs", "a.php", "a.ts"])
def test_a_module_of_absurd_length_means_nothing(importer: str) -> None:
    for separator in (".", "::", "/", "\\"):
        assert imported({importer: ""}, separator.join("a" * 100_000), importer) == []


def test_an_endless_extension_ends():
    files = {"tsconfig.json": '{"extends": "./tsconfig.json"}', "a.ts": ""}
    assert imported(files, "b", "a.ts") == []
