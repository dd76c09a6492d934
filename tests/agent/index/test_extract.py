"""What is found in each language, and in files that are broken or odd."""

from pathlib import Path

import pytest

from moot.agent.index.extract import MAX_BYTES, extract
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
}


@pytest.mark.parametrize("name", EXPECTED)
def test_symbols_of_each_language(name):
    facts = extract((DATA / name).read_bytes(), language_of(name))
    found = [f"{s.qualified_name} {s.kind} {s.start_line}-{s.end_line}" for s in facts.symbols]
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
    ],
)
def test_signature_and_first_doc_line(name, symbol, signature, doc):
    facts = extract((DATA / name).read_bytes(), language_of(name))
    found = next(s for s in facts.symbols if s.qualified_name == symbol)
    assert (found.signature, found.doc) == (signature, doc)


@pytest.mark.parametrize("name", EXPECTED)
def test_byte_spans_and_lines_agree(name):
    data = (DATA / name).read_bytes()
    for symbol in extract(data, language_of(name)).symbols:
        assert symbol.name.encode() in data[symbol.start_byte : symbol.end_byte]
        assert data[: symbol.start_byte].count(b"\n") + 1 == symbol.start_line
        assert data[: symbol.end_byte].count(b"\n") + 1 == symbol.end_line


def test_a_span_covers_what_an_edit_replaces():
    facts = extract((DATA / "sessions.py").read_bytes(), "python")
    data = (DATA / "sessions.py").read_bytes()
    session = next(s for s in facts.symbols if s.name == "Session")
    assert data[session.start_byte :].startswith(b"@dataclass")
    data = (DATA / "client.ts").read_bytes()
    status = next(s for s in extract(data, "typescript").symbols if s.name == "Status")
    assert data[status.start_byte :].startswith(b"export enum")


def test_references_and_imports():
    python = extract((DATA / "sessions.py").read_bytes(), "python")
    assert {"load_user", "token_hex", "Ordered", "now"} <= python.links.references.keys()
    assert ".users.load_user" in python.links.imports
    assert ".clock" in python.links.imports
    assert "./http" in extract((DATA / "client.ts").read_bytes(), "typescript").links.imports
    assert "./path" in extract((DATA / "events.js").read_bytes(), "javascript").links.imports
    sql = extract((DATA / "schema.sql").read_bytes(), "sql")
    assert {"users", "orgs"} <= sql.links.references.keys()


def test_broken_syntax_still_gives_symbols():
    data = b"def first():\n    return (1,\n\nclass Broken(:\n    x = \n\ndef last(a):\n    return a\n"
    names = {s.name for s in extract(data, "python").symbols}
    assert {"first", "Broken", "last"} <= names


@pytest.mark.parametrize("name", EXPECTED)
def test_lines_alone_give_the_main_definitions(name):
    data = (DATA / name).read_bytes()
    lines = {d.name for d in find_definitions(data, language_of(name))}
    main = {"class", "interface", "struct", "trait", "table", "view"}
    assert {s.name for s in extract(data, language_of(name)).symbols if s.kind in main} <= lines
    unparsed = extract(data, language_of(name), parse=False)
    assert unparsed.state == "words"


def test_crlf_and_non_utf8():
    facts = extract(b"class A:\r\n    def f(self):\r\n        return '\xff\xfe'\r\n", "python")
    assert [s.qualified_name for s in facts.symbols] == ["A", "A.f"]
    assert [s.signature for s in facts.symbols] == ["class A", "def f(self)"]


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
