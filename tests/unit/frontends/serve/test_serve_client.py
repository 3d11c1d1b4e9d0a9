from __future__ import annotations

import struct
import threading
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from emulator_calls import wait_until
from postgres_server import (
    VERSION_3,
    VERSION_3_2,
    RawClient,
    connect,
    list_kinds,
    pack,
    read_fields,
    serve,
    wait_until_busy,
)

import sqlprov
from sqlprov.frontends.serve.server import Server

SYNC, FLUSH = pack(b"S"), pack(b"H")


def pack_parse(text: str, name: str = "", *oids: int) -> bytes:
    types = struct.pack(f"!h{len(oids)}i", len(oids), *oids)
    return pack(b"P", f"{name}\0{text}\0".encode() + types)


def pack_bind(
    *values: bytes | None, portal: str = "", statement: str = "", formats: bytes = b"\0\0"
) -> bytes:
    packed = b"".join(
        struct.pack("!i", -1) if each is None else struct.pack("!i", len(each)) + each for each in values
    )
    names = f"{portal}\0{statement}\0".encode()
    return pack(b"B", names + b"\0\0" + struct.pack("!h", len(values)) + packed + formats)


def pack_execute(limit: int = 0, portal: str = "") -> bytes:
    return pack(b"E", f"{portal}\0".encode() + struct.pack("!i", limit))


def pack_describe(kind: str = "P", name: str = "") -> bytes:
    return pack(b"D", f"{kind}{name}\0".encode())


def query(text: str) -> bytes:
    return pack(b"Q", text.encode() + b"\0")


# Start


def test_a_client_logs_in_and_gets_the_parameters_a_key_and_the_status(raw: RawClient) -> None:
    messages = raw.start(application_name="test")
    assert list_kinds(messages) == "RKZ"
    parameters = dict(content.decode().rstrip("\0").split("\0") for kind, content in messages if kind == b"S")
    assert parameters["server_version"] == "15.18"
    assert parameters["client_encoding"] == "UTF8"
    assert parameters["application_name"] == "test"
    assert len(dict(messages)[b"K"]) == 8
    assert dict(messages)[b"Z"] == b"I"


def test_a_client_of_version_3_2_gets_a_long_key(raw: RawClient) -> None:
    assert len(dict(raw.start(VERSION_3_2))[b"K"]) == 36


def test_a_newer_client_learns_the_newest_version_and_what_is_unknown(raw: RawClient) -> None:
    messages = raw.start(3 << 16 | 9, **{"_pq_.fancy": "on"})
    assert list_kinds(messages) == "vRKZ"
    assert dict(messages)[b"v"] == struct.pack("!ii", VERSION_3_2, 1) + b"_pq_.fancy\0"


def test_without_a_certificate_encryption_is_declined(raw: RawClient) -> None:
    for code in (80877103, 80877104):
        raw.send(struct.pack("!ii", 8, code))
        assert raw.read_bytes(1) == b"N"
    assert list_kinds(raw.start()) == "RKZ"


@pytest.mark.parametrize(
    ("first", "sqlstate"),
    [
        (struct.pack("!iih", 10, 2 << 16, 0), "0A000"),
        (struct.pack("!ii", 3, VERSION_3), "08P01"),
        (struct.pack("!ii", 2**31 - 1, VERSION_3), "08P01"),
        (struct.pack("!ii", 9, VERSION_3) + b"\0", "28000"),
        (struct.pack("!ii", 12, VERSION_3) + b"user", "08P01"),
        (struct.pack("!ii", 15, VERSION_3) + b"user\0\xff\0", "08P01"),
    ],
)
def test_a_wrong_first_message_ends_the_connection(raw: RawClient, first: bytes, sqlstate: str) -> None:
    raw.send(first)
    message = raw.read()
    assert message is not None
    fields = read_fields(message[1])
    assert (fields["S"], fields["C"]) == ("FATAL", sqlstate)
    assert raw.read() is None


def test_an_unknown_database_is_refused_with_those_there_are(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match='"nope" does not exist; expected aws, memory'):
        connect(server, dbname="nope")


def test_a_provider_that_has_to_be_named_is_a_database(server: Server) -> None:
    with connect(server, dbname="awscc") as pg:
        assert pg.execute("SELECT current_database()").fetchall() == [("awscc",)]


@pytest.mark.parametrize("user", ["ada", "postgres"])
def test_without_a_database_a_client_gets_the_first_provider(server: Server, user: str) -> None:
    with connect(server, dbname=user, user=user) as pg:
        assert pg.execute("SELECT current_database()").fetchall() == [("aws",)]


@pytest.mark.parametrize("options", ["-c sqlprov_regions=eu-west-1", "--sqlprov_regions=eu-west-1"])
def test_options_set_the_regions_of_the_session(server: Server, options: str) -> None:
    with connect(server, options=options) as pg:
        assert pg.execute("SELECT DISTINCT region FROM sagemaker.models").fetchall() == [("eu-west-1",)]
    with connect(server) as pg:
        assert pg.execute("SELECT DISTINCT region FROM sagemaker.models").fetchall() == [("us-east-1",)]


@pytest.mark.parametrize("options", ["-c sqlprov_nope=1", "-c sqlprov_cache=long", "-x", "-c a'b=1"])
def test_a_wrong_option_is_refused(server: Server, options: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connect(server, options=options)


# Messages


@pytest.mark.parametrize(
    "message",
    [
        b"Q\0\0\0\x03",
        b"Q\x7f\xff\xff\xff",
        b"Q\xff\xff\xff\xff",
        b"?\0\0\0\x04",
        pack(b"Q", b"SELECT 1"),
        pack(b"Q", b"SELECT 1\0rest"),
        pack(b"Q", b"\xff\0"),
        pack(b"P", b"\0SELECT 1\0\0\x05"),
        pack(b"B", b"\0\0\0\0\0\x01\0\0\0\x09x"),
        pack(b"B", b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
        pack(b"p", b"password\0"),
    ],
)
def test_a_malformed_message_ends_the_connection_and_no_other(
    raw: RawClient, server: Server, message: bytes
) -> None:
    raw.start()
    raw.send(message)
    answer = raw.read()
    assert answer is not None
    assert read_fields(answer[1])["C"] == "08P01"
    assert raw.read() is None
    with connect(server) as pg:
        assert pg.execute("SELECT 1").fetchall() == [(1,)]


def test_statements_run_one_after_another_up_to_an_error(raw: RawClient) -> None:
    raw.start()
    assert list_kinds(raw.ask(query("SELECT 1; SELECT 2;"))) == "TDCTDCZ"
    assert list_kinds(raw.ask(query("SELECT 1; SELECT nope; SELECT 3"))) == "TDCEZ"
    assert list_kinds(raw.ask(query("SELECT 1; SELECT 'open"))) == "EZ"
    assert list_kinds(raw.ask(query("SELECT 1; SELEC 2"))) == "EZ"
    assert list_kinds(raw.ask(query("BEGIN; SET x.y = 1; SHOW server_version; SELECT 2 FROM"))) == "EZ"
    assert list_kinds(raw.ask(query("ROLLBACK"))) == "CZ"
    assert list_kinds(raw.ask(query(" ; -- nothing"))) == "IZ"


def test_after_an_error_messages_are_skipped_up_to_sync(raw: RawClient) -> None:
    raw.start()
    failing = [pack_parse("SELECT nope"), pack_bind(), pack_describe(), pack_execute()]
    assert list_kinds(raw.ask(*failing, pack_parse("SELECT 1"), SYNC)) == "12EZ"
    assert list_kinds(raw.ask(pack_parse("SELECT 1"), pack_bind(), pack_execute(), SYNC)) == "12DCZ"


def test_a_portal_returns_its_rows_in_parts(raw: RawClient) -> None:
    raw.start()
    asked = [
        pack_parse("FROM range(5)"),
        pack_bind(),
        pack_describe(),
        pack_execute(2),
        pack_execute(2),
        pack_execute(2),
    ]
    assert list_kinds(raw.ask(*asked, SYNC)) == "12TDDsDDsDCZ"


def test_a_portal_survives_other_statements_of_its_transaction(raw: RawClient) -> None:
    raw.start()
    raw.ask(query("BEGIN"))
    raw.ask(pack_parse("FROM range(5000)"), pack_bind(portal="p"), pack_execute(2, "p"), SYNC)
    raw.ask(query("SELECT 1"))
    assert list_kinds(raw.ask(pack_execute(3, "p"), SYNC)) == "DDDsZ"
    raw.ask(query("COMMIT"))
    assert list_kinds(raw.ask(pack_execute(3, "p"), SYNC)) == "EZ"


def test_flush_sends_answers_without_sync(raw: RawClient) -> None:
    raw.start()
    raw.send(pack_parse("SELECT 1"), FLUSH)
    assert raw.read() == (b"1", b"")
    raw.ask(SYNC)


def test_a_statement_is_described_before_it_runs(raw: RawClient) -> None:
    raw.start()
    messages = raw.ask(
        pack_parse("SELECT range AS n FROM range(9) WHERE range > $1", "s"), pack_describe("S", "s"), SYNC
    )
    assert list_kinds(messages) == "1tTZ"
    assert dict(messages)[b"t"] == struct.pack("!hi", 1, 20)
    assert dict(messages)[b"T"][:4] == b"\0\x01n\0"


def test_a_statement_has_as_many_parameters_as_postgresql_allows(raw: RawClient) -> None:
    raw.start()
    messages = raw.ask(pack_parse("SELECT $65535"), pack_describe("S"), SYNC)
    assert dict(messages)[b"t"][:2] == b"\xff\xff"


@pytest.mark.parametrize("number", ["0", "65536", "999999999", "9" * 5000])
def test_a_parameter_beyond_those_of_postgresql_is_refused_at_once(raw: RawClient, number: str) -> None:
    raw.start()
    _, answer, _ = raw.ask(pack_parse(f"SELECT ${number}"), pack_describe("S"), SYNC)
    assert read_fields(answer[1])["C"] == "42P02"


def test_the_description_of_a_write_does_not_make_it(raw: RawClient, base: sqlprov.Connection) -> None:
    raw.start(database="memory")
    raw.ask(query("CREATE OR REPLACE TABLE described (n INTEGER)"))
    described = [pack_parse("INSERT INTO described VALUES (1) RETURNING n"), pack_bind(), pack_describe()]
    assert list_kinds(raw.ask(*described, SYNC)) == "12TZ"
    with base.cursor() as con:
        assert con.sql("SELECT count(*) FROM memory.described").fetchall() == [(0,)]
    assert list_kinds(raw.ask(*described, pack_execute(), SYNC)) == "12TDCZ"
    assert (
        list_kinds(raw.ask(pack_parse("DROP TABLE described"), pack_bind(), pack_describe(), SYNC)) == "12nZ"
    )


def test_names_of_statements_and_portals_are_checked(raw: RawClient) -> None:
    raw.start()
    raw.ask(pack_parse("SELECT 1", "s"), SYNC)
    cases = {
        pack_parse("SELECT 1", "s"): "42P05",
        pack_parse("SELECT 1; SELECT 2"): "42601",
        pack_bind(statement="nope"): "26000",
        pack_execute(0, "nope"): "34000",
        pack_describe("S", "nope"): "26000",
        pack(b"F", b"\0\0\0\x01"): "0A000",
    }
    for message, sqlstate in cases.items():
        answer, _ = raw.ask(message, SYNC)
        assert read_fields(answer[1])["C"] == sqlstate
    assert list_kinds(raw.ask(pack(b"C", b"Ss\0"), pack_parse("SELECT 1", "s"), SYNC)) == "31Z"
    raw.ask(query("DEALLOCATE s"))
    assert list_kinds(raw.ask(pack_parse("SELECT 1", "s"), SYNC)) == "1Z"


BAD_BINDS = {
    "one value too many": (pack_bind(b"1", b"2"), "08P01"),
    "formats of two of no values": (pack(b"B", b"\0\0\0\2\0\0\0\1\0\0\0\0"), "08P01"),
    "a format that is neither text nor binary": (pack_bind(b"1", formats=b"\0\1\0\2"), "22023"),
    "three bytes for an integer": (pack(b"B", b"\0\0\0\1\0\1\0\1\0\0\0\3abc\0\0"), "22000"),
}


@pytest.mark.parametrize(("bind", "sqlstate"), BAD_BINDS.values(), ids=BAD_BINDS)
def test_a_bind_that_does_not_fit_its_statement_is_refused(
    raw: RawClient, bind: bytes, sqlstate: str
) -> None:
    raw.start()
    _, answer, _ = raw.ask(pack_parse("SELECT $1", "", 23), bind, pack_execute(), SYNC)
    assert read_fields(answer[1])["C"] == sqlstate
    assert (
        list_kinds(raw.ask(pack_parse("SELECT $1", "", 23), pack_bind(b"1"), pack_execute(), SYNC)) == "12DCZ"
    )


@pytest.mark.parametrize(
    "number", ["-12345678901234567890123456789012345.678", "20000", "-0.00000001", "0", "1.50", "100000000"]
)
def test_a_binary_number_keeps_all_its_digits(pg: psycopg.Connection[Any], number: str) -> None:
    value = Decimal(number)
    text = pg.execute("SELECT %b::VARCHAR", [value]).fetchone()
    assert text is not None and Decimal(text[0]) == value


def test_an_empty_statement_has_no_rows(raw: RawClient) -> None:
    raw.start()
    assert list_kinds(raw.ask(pack_parse(""), pack_bind(), pack_describe(), pack_execute(), SYNC)) == "12nIZ"


# Cancel


def run_in_thread(pg: psycopg.Connection[Any], text: str) -> tuple[threading.Thread, list[Exception]]:
    errors: list[Exception] = []

    def run() -> None:
        try:
            pg.execute(text)
        except psycopg.Error as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


ENDLESS = "SELECT count(*) FROM range(1_000_000_000_000) AS a WHERE hash(a.range) = 1"


def test_a_cancel_request_stops_the_statement(server: Server) -> None:
    with connect(server) as pg:
        thread, errors = run_in_thread(pg, ENDLESS)
        wait_until_busy(server)
        while not errors:  # a request that comes before the statement does nothing, as in PostgreSQL
            pg.cancel_safe()
            thread.join(0.05)
        assert isinstance(errors[0], psycopg.errors.QueryCanceled)
        assert pg.execute("SELECT 1").fetchall() == [(1,)]


def test_the_beginning_of_a_long_key_cancels_nothing(server: Server) -> None:
    with RawClient(server) as raw:
        raw.start(VERSION_3_2)
        (client,) = (each for each in server.list_clients() if len(each.secret) == 32)
        client.is_busy = True
        server.cancel(client.number, client.secret[:4])
        assert not client.is_cancelled
        client.is_busy = False


@pytest.mark.parametrize("secret", [b"", b"wron", b"w" * 32])
def test_a_cancel_request_with_a_wrong_secret_does_nothing(server: Server, secret: bytes) -> None:
    with connect(server) as pg, RawClient(server) as raw:
        thread, errors = run_in_thread(
            pg, "SELECT count(*) FROM range(300_000_000) AS a WHERE hash(a.range) = 1"
        )
        wait_until_busy(server)
        raw.send(struct.pack("!iii", 12 + len(secret), 80877102, pg.info.backend_pid) + secret)
        assert raw.read() is None
        thread.join()
        assert errors == []


def test_the_statement_of_a_client_that_leaves_is_stopped(base: sqlprov.Connection) -> None:
    with serve(base) as server:
        raw = RawClient(server)
        raw.start()
        raw.send(query(ENDLESS))
        wait_until_busy(server)
        raw.close()
        wait_until(lambda: not server.list_clients())


def test_a_statement_that_takes_too_long_is_cancelled(base: sqlprov.Connection) -> None:
    with serve(base, statement_timeout=0.3) as server, connect(server) as pg:
        with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
            pg.execute(ENDLESS)
        assert pg.execute("SELECT 1").fetchall() == [(1,)]


def test_a_client_sets_its_own_timeout(pg: psycopg.Connection[Any]) -> None:
    pg.execute("SET statement_timeout = '200ms'")
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        pg.execute(ENDLESS)
