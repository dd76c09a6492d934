"""What is found in each language, and in files that are broken or odd."""

from pathlib import Path

import pytest

from moot.agent.index.extract import MAX_BYTES, extract
from moot.agent.index.facts import Links
from moot.agent.index.fallback import find_definitions
from moot.agent.index.languages import language_of
from moot.agent.index.terms import count_terms, split_identifier

DATA = Path(__file__).parent / "data"

EXPECTED = {
    "sessions.py": """
        MAX_SESSIONS variable 12-12 | Token type 13-13 | Session class 16-29 | Session.user field 23-23
        Session.expires_at field 24-24 | Session.expired method 26-29 | SessionStore class 32-48
        SessionStore.__init__ method 33-38 | SessionStore.open_session method 40-48
        SessionStore.open_session.fresh function 43-44 | sweep function 51-52""",
    "client.ts": """
        ClientOptions interface 6-9 | ClientOptions.baseUrl field 7-7 | ClientOptions.parse method 8-8
        Method type 11-11 | Status enum 13-16 | backoff function 19-19 | DEFAULT_TIMEOUT variable 21-21
        Internal module 23-25 | Internal.version variable 24-24 | Client class 27-47
        Client.options field 29-29 | Client.create method 30-30 | Client.constructor method 32-35
        Client.url method 37-39 | Client.send method 42-44 | Client.fetch method 46-46
        connect function 49-51""",
    "table.tsx": """
        TableProps interface 4-6 | TableProps.rows field 5-5 | Table function 9-12 | Empty function 14-14""",
    "events.js": """
        path variable 3-3 | Emitter class 8-19 | Emitter.#listeners field 9-9 | Emitter.on method 11-14
        Emitter.of method 16-18 | walk function 21-23 | once function 25-25 | off function 27-29""",
    "queue.go": """
        MaxJobs constant 10-10 | ErrFull variable 13-13 | ErrClosed variable 14-14 | Queue struct 18-21
        Queue.jobs field 19-19 | Queue.size field 20-20 | Runner interface 24-26 | Runner.Run method 25-25
        State type 28-28 | Queue.Push method 31-34 | New function 36-38""",
    "ring.rs": """
        Ring struct 8-11 | Ring.items field 10-10 | Full enum 13-16 | Full.Drop field 14-14
        Full.Grow field 15-15 | Drain trait 19-25 | Drain.Item type 20-20 | Drain.drain method 21-21
        Drain.is_empty method 22-24 | Ring.Item type 28-28 | Ring.drain method 29-31
        Ring.LIMIT constant 35-35 | Ring.with_capacity method 38-41 | ring macro 44-46
        pump function 48-48""",
    "schema.sql": """
        users table 2-6 | users.id column 3-3 | users.email column 4-4 | users.org_id column 5-5
        users_email index 8-8 | active_users view 10-11 | user_count function 13-17
        users_audit trigger 19-19 | mood type 21-21""",
    "Ledger.java": """
        Ledger class 10-42 | Ledger.LIMIT field 11-11 | Ledger.entries field 12-12
        Ledger.Ledger method 15-17 | Ledger.total method 19-22 | Ledger.Kind enum 24-31
        Ledger.Kind.DEBIT field 25-25 | Ledger.Kind.CREDIT field 26-26 | Ledger.Kind.isDebit method 28-30
        Ledger.Entry class 33-33 | Ledger.Visitor interface 35-37 | Ledger.Visitor.visit method 36-36
        Ledger.Audited interface 39-41 | Ledger.Audited.by method 40-40""",
    "pool.c": """
        POOL_MAX constant 5-5 | ROUND_UP macro 6-6 | pool_id type 8-8 | buffer struct 11-14
        buffer.size field 12-12 | buffer.data field 13-13 | pool_state enum 16-16
        pool_state.POOL_OPEN constant 16-16 | pool_state.POOL_CLOSED constant 16-16 | pool_t struct 18-21
        pool_t.items field 19-19 | pool_t.on_full field 20-20 | live variable 23-23
        pool_close function 25-25 | pool_take function 28-32 | pool_close function 34-38""",
    "matrix.cpp": """
        math.kRank variable 6-6 | math.Matrix class 9-22 | math.Matrix.Matrix method 12-12
        math.Matrix.~Matrix method 13-13 | math.Matrix.at method 15-15 | math.Matrix.operator== method 16-16
        math.Matrix.identity method 17-17 | math.Matrix.cells_ field 20-20
        math.Matrix.columns_ field 21-21 | math.Point struct 24-26 | math.Point.x field 25-25
        math.Point.y field 25-25 | math.Order enum 28-28 | math.Order.Row constant 28-28
        math.Order.Column constant 28-28 | math.Grid type 30-30 | math.Matrix.Matrix method 32-33
        math.Matrix.operator== method 35-38 | math.trace function 41-43 | math.Canvas.draw method 45-47""",
    "Inventory.cs": """
        Shop.Stock.Inventory class 7-29 | Shop.Stock.Inventory._counts field 9-9
        Shop.Stock.Inventory.Changed field 10-10 | Shop.Stock.Inventory.Limit field 11-11
        Shop.Stock.Inventory.Total field 13-13 | Shop.Stock.Inventory.Inventory method 15-18
        Shop.Stock.Inventory.Take method 21-26 | Shop.Stock.Inventory.Take.Left function 24-24
        Shop.Stock.ICounter interface 31-34 | Shop.Stock.ICounter.Count method 33-33
        Shop.Stock.Level enum 36-36 | Shop.Stock.Level.Low field 36-36 | Shop.Stock.Level.High field 36-36
        Shop.Stock.Slot struct 38-41 | Shop.Stock.Slot.Row field 40-40 | Shop.Stock.Item class 43-43
        Shop.Stock.Handler type 45-45""",
    "tracker.rb": """
        Parcels module 5-32 | Parcels.LIMIT constant 6-6 | Parcels.Parcel class 9-31
        Parcels.Parcel.weight field 11-11 | Parcels.Parcel.sender field 11-11
        Parcels.Parcel.initialize method 14-16 | Parcels.Parcel.heavy? method 18-20
        Parcels.Parcel.load method 22-24 | Parcels.Parcel.empty method 27-29 | track function 34-36""",
    "Cart.php": """
        LIMIT constant 10-10 | Cart class 15-34 | Cart.items field 19-19 | Cart.MAX constant 20-20
        Cart.__construct method 22-24 | Cart.__construct.price field 22-22 | Cart.add method 27-31
        Cart.total method 33-33 | Countable interface 36-39 | Countable.count method 38-38
        Logs trait 41-44 | Logs.log method 43-43 | Status enum 46-50 | Status.Open field 48-48
        Status.Paid field 49-49 | checkout function 52-55""",
    "deploy.sh": """
        TARGET variable 6-6 | RETRIES variable 7-7 | build function 10-13 | upload function 15-18""",
    "Feed.kt": """
        LIMIT variable 6-6 | Feed class 9-23 | Feed.client field 9-9 | Feed.size field 9-9
        Feed.page field 10-10 | Feed.next method 13-16 | Feed.reset method 18-18 | Feed.empty method 21-21
        Source interface 25-27 | Source.next method 26-26 | Post class 29-29 | Post.id field 29-29
        Post.title field 29-29 | Order enum 31-31 | Order.NEWEST field 31-31 | Order.OLDEST field 31-31
        Registry class 33-35 | Registry.feeds field 34-34 | Posts type 37-37 | slug function 39-39
        main function 41-43""",
    "Player.swift": """
        maximumVolume variable 4-4 | Player class 7-24 | Player.queue field 8-8 | Player.shared field 9-9
        Player.init method 12-14 | Player.play method 16-19 | Player.deinit method 21-23
        Track struct 26-29 | Track.title field 27-27 | Track.length field 28-28 | Mode enum 31-34
        Mode.once field 32-32 | Mode.loop field 33-33 | Playable protocol 36-39 | Playable.play method 37-37
        Playable.isPlaying field 38-38 | Track.described method 42-42 | Queue type 45-45
        shuffle function 47-49""",
    "Router.scala": """
        Router class 7-18 | Router.table field 8-8 | Router.hits field 9-9 | Router.handle method 12-15
        Router.lookup method 17-17 | Router class 20-23 | Router.Empty field 21-21
        Router.apply method 22-22 | Service trait 25-28 | Service.handle method 26-26
        Service.Context type 27-27 | Route class 30-30 | Handler type 32-32 | Method enum 34-36
        Method.Get field 35-35 | Method.Post field 35-35 | serve function 38-38""",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_symbols_of_each_language(name):
    facts = extract((DATA / name).read_bytes(), language_of(name))
    found = [f"{s.qualified_name} {s.kind} {s.start_line}-{s.end_line}" for s in facts.outline]
    assert found == [
        item.strip() for line in EXPECTED[name].splitlines() for item in line.split("|") if item.strip()
    ]
    assert facts.state == "parsed"


@pytest.mark.parametrize(
    ("name", "symbol", "signature", "doc"),
    [
        ("sessions.py", "Session", "class Session", "A signed-in user."),
        (
            "sessions.py",
            "SessionStore.__init__",
            "def __init__( self, limit: int = MAX_SESSIONS, ) -> None",
            "",
        ),
        ("sessions.py", "Session.expired", "def expired(self) -> bool", "Whether its time is over."),
        ("client.ts", "backoff", "const backoff = (attempt: number): number", "Waits between attempts."),
        (
            "client.ts",
            "Client.send",
            "async send<R>(method: Method, path: string): Promise<R>",
            "Sends one request.",
        ),
        ("events.js", "Emitter", "class Emitter extends Base", "Dispatches events."),
        ("queue.go", "Queue.Push", "func (q *Queue[T]) Push(job T) error", "Push adds a job."),
        ("ring.rs", "Ring", "pub struct Ring<T>", "A ring of bytes."),
        ("ring.rs", "Ring.with_capacity", "pub fn with_capacity(n: usize) -> Self", "Makes a ring."),
        ("schema.sql", "users", "CREATE TABLE IF NOT EXISTS app.users", "People who sign in."),
        (
            "Ledger.java",
            "Ledger",
            "public class Ledger extends Book implements Iterable<Entry>",
            "Keeps what was booked.",
        ),
        (
            "pool.c",
            "pool_take",
            "static struct buffer *pool_take(pool_t *pool, size_t size)",
            "Takes a buffer out.",
        ),
        ("matrix.cpp", "math.trace", "double trace(const Grid& grid)", "Adds up the diagonal."),
        (
            "Inventory.cs",
            "Shop.Stock.Inventory",
            "public class Inventory : Store, IDisposable",
            "What is in store.",
        ),
        ("tracker.rb", "Parcels.Parcel.initialize", "def initialize(weight, sender: nil)", "Makes one."),
        ("Cart.php", "Cart.add", "public function add(Item $item, int $count = 1): static", "Adds one."),
        ("deploy.sh", "build", "build()", "Builds everything."),
        ("Feed.kt", "Feed.next", "override suspend fun next(): List<Entry>", "Loads the next page."),
        ("Player.swift", "Player.init", "init(queue: [Track])", "Starts with a queue."),
        (
            "Router.scala",
            "Router.handle",
            "override def handle(request: Request): Future[Response]",
            "Handles one request.",
        ),
    ],
)
def test_signature_and_first_doc_line(name, symbol, signature, doc):
    facts = extract((DATA / name).read_bytes(), language_of(name))
    found = next(s for s in facts.outline if s.qualified_name == symbol)
    assert (found.signature, found.doc) == (signature, doc)


@pytest.mark.parametrize("name", EXPECTED)
def test_byte_spans_and_lines_agree(name):
    data = (DATA / name).read_bytes()
    for symbol in extract(data, language_of(name)).outline:
        assert symbol.name.encode() in data[symbol.start_byte : symbol.end_byte]
        assert data[: symbol.start_byte].count(b"\n") + 1 == symbol.start_line
        assert data[: symbol.end_byte].count(b"\n") + 1 == symbol.end_line


def test_a_span_covers_what_an_edit_replaces():
    facts = extract((DATA / "sessions.py").read_bytes(), "python")
    data = (DATA / "sessions.py").read_bytes()
    session = next(s for s in facts.outline if s.name == "Session")
    assert data[session.start_byte :].startswith(b"@dataclass")
    data = (DATA / "client.ts").read_bytes()
    status = next(s for s in extract(data, "typescript").outline if s.name == "Status")
    assert data[status.start_byte :].startswith(b"export enum")


def named(links: Links) -> set[str]:
    return {*links.calls, *links.uses}


def test_references_and_imports():
    python = extract((DATA / "sessions.py").read_bytes(), "python")
    assert {"load_user", "token_hex", "Ordered", "now"} <= named(python.links)
    assert ".users.load_user" in python.links.imports
    assert ".clock" in python.links.imports
    assert "./http" in extract((DATA / "client.ts").read_bytes(), "typescript").links.imports
    assert "./path" in extract((DATA / "events.js").read_bytes(), "javascript").links.imports
    sql = extract((DATA / "schema.sql").read_bytes(), "sql")
    assert {"users", "orgs"} <= named(sql.links)


@pytest.mark.parametrize(
    ("name", "imports", "bases", "references"),
    [
        (
            "Ledger.java",
            ["java.util.List", "org.example.money.Amount", "org.example.money.Rounding.halfUp"],
            {"Book", "Iterable", "Closer"},
            {"halfUp", "Amount", "LedgerException"},
        ),
        (
            "ring.rs",
            ["crate::alloc::Block", "std::collections::HashMap", "std::fmt", "./sync"],
            {"Drain"},
            {"with_capacity"},
        ),
        ("pool.c", ["pool.h"], set(), {"find_free", "ROUND_UP", "pool_t"}),
        ("matrix.cpp", ["matrix.hpp"], {"Shape"}, {"sum", "Grid", "Point"}),
        ("Inventory.cs", ["System", "Shop.Money"], {"Store", "IDisposable"}, {"Merge", "Price"}),
        ("tracker.rb", ["json", "./lib/clock"], {"Record", "Comparable"}, {"parse", "heavy?"}),
        (
            "Cart.php",
            ["Shop\\Money\\Price", "Shop\\Tax.Rate", "Shop\\Tax.Zone", "helpers.php"],
            {"Basket", "Countable", "Logs"},
            {"notify", "write", "Price"},
        ),
        ("deploy.sh", ["./lib/common.sh", "/.env"], set(), {"build", "upload", "rsync"}),
        (
            "Feed.kt",
            ["org.example.net.Client", "org.example.model.Post"],
            {"Source", "Closeable"},
            {"get", "Client", "lowercase"},
        ),
        ("Player.swift", ["Foundation", "AudioKit"], {"NSObject", "Playable", "Codable"}, {"start", "Track"}),
        (
            "Router.scala",
            ["org.example.core.Request", "org.example.core.Response", "scala.concurrent.Future"],
            {"Service", "Logging"},
            {"groupBy", "lookup", "Request"},
        ),
    ],
)
def test_what_a_file_says_of_others(name, imports, bases, references):
    links = extract((DATA / name).read_bytes(), language_of(name)).links
    assert links.imports == imports
    assert {base.name for base in links.bases} == bases
    assert references <= named(links)


@pytest.mark.parametrize(
    ("language", "source", "imports"),
    [
        ("rust", "use a::{self, b as c, d::{e, f::*}};", ["a::self", "a::b", "a::d::e", "a::d::f::*"]),
        ("rust", "use a::{\n    // not, these\n    b, /* nor {this} */\n    c,\n};", ["a::b", "a::c"]),
        (
            "rust",
            "mod m { use super::*; use super::super::x; mod n; }",
            ["self::*", "self::super::x", "./m/n"],
        ),
        ("rust", "fn f() { use crate::a; }", ["crate::a"]),
        ("scala", "import a.{B, C => D, _}, x.y", ["a.B", "a.C", "a._", "x.y"]),
        ("kotlin", "import a.b.*\nimport a.C as D\n", ["a.b", "a.C"]),
        ("java", "import static a.B.*;\nimport a.c.*;\n", ["a.B", "a.c"]),
        ("go", 'package p\nimport (\n\t_ "a/b"\n\t`c`\n)\n', ["a/b", "c"]),
        ("cpp", "#include <vector>\n#include <a/b.h>\n", ["<a/b.h>"]),
        ("c_sharp", "global using A.B;\nusing static A.C;\nusing X = A.D;\n", ["A.B", "A.C", "A.D"]),
        ("ruby", "autoload :Foo, 'foo/bar'\n", ["foo/bar"]),
        ("bash", '. $A/x.sh\nsource "$(pwd)/y.sh"\n. "$A"/z.sh\n', ["/x.sh", "/y.sh", "/z.sh"]),
        (
            "php",
            "<?php require __DIR__ . '/a.php'; include_once(X . 'b.php'); require \"c.php\";",
            ["/a.php", "b.php", "c.php"],
        ),
        (
            "typescript",
            "import a = require('./a'); export * from './b'; const c: import('./c').C = await import('./d');",
            ["./a", "./b", "./c", "./d"],
        ),
    ],
)
def test_forms_of_imports(language, source, imports):
    assert extract(source.encode(), language).links.imports == imports


@pytest.mark.parametrize(
    ("language", "source", "package"),
    [
        ("scala", "package a.b\npackage c\n", "a.b.c"),
        ("c_sharp", "namespace A.B { class C {} }", "A.B"),
        ("c_sharp", "namespace A.B;\nclass C {}", "A.B"),
        ("kotlin", "package a.b\n", "a.b"),
        ("php", "<?php\nnamespace A\\B;\n", "A\\B"),
        ("python", "import a\n", ""),
    ],
)
def test_the_package_that_a_file_declares(language, source, package):
    assert extract(source.encode(), language).links.package == package


def test_hostile_groups_are_bounded():
    assert len(extract(b"use " + b"a::{" * 50_000, "rust").links.imports) < 300
    wide = ", ".join(f"m{n}" for n in range(5000))
    assert len(extract(f"use a::{{{wide}}};".encode(), "rust").links.imports) == 200


def test_broken_syntax_still_gives_symbols():
    data = b"def first():\n    return (1,\n\nclass Broken(:\n    x = \n\ndef last(a):\n    return a\n"
    names = {s.name for s in extract(data, "python").outline}
    assert {"first", "Broken", "last"} <= names


@pytest.mark.parametrize("name", EXPECTED)
def test_lines_alone_give_the_main_definitions(name):
    data = (DATA / name).read_bytes()
    lines = {d.name for d in find_definitions(data, language_of(name))}
    main = {"class", "interface", "struct", "trait", "table", "view"}
    assert {s.name for s in extract(data, language_of(name)).outline if s.kind in main} <= lines
    unparsed = extract(data, language_of(name), parse=False)
    assert unparsed.state == "words"


def test_crlf_and_non_utf8():
    facts = extract(b"class A:\r\n    def f(self):\r\n        return '\xff\xfe'\r\n", "python")
    assert [s.qualified_name for s in facts.outline] == ["A", "A.f"]
    assert [s.signature for s in facts.outline] == ["class A", "def f(self)"]


def test_binary_and_huge_files_are_known_by_path_only():
    assert extract(b"PK\0\0def f(): pass", "python").state == "binary"
    assert extract(b"x" * (MAX_BYTES + 1), "python").state == "unread"
    assert extract(b"", "python").state == "parsed"


def test_generated_files_say_so():
    assert extract(b"# Code generated by a tool. DO NOT EDIT.\nx = 1\n", "python").generated
    assert not extract(b"x = 1\n", "python").generated


def test_terms_are_split():
    assert split_identifier("parseHTTPHeader_v2") == ("parse", "http", "header", "v2")
    assert split_identifier("utf8_decode") == ("utf8", "decode")
    assert split_identifier("größe_ändern") == ("größe", "ändern")
    assert count_terms("loadUser load_user x") == {"load": 2, "user": 2}
