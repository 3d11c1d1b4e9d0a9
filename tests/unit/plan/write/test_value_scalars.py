from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from input_strategies import Coerce, Duck, Refuse

from sqlprov.catalog.shapes import Constraint, Shape
from sqlprov.plan.write.values import coerce

INTEGER = Shape("Count", "integer")
FLOAT = Shape("Weight", "float", low=0)
BOOLEAN = Shape("Switch", "boolean")
TEXT = Shape("Text", "string")
TIME = Shape("Time", "timestamp")
BLOB = Shape("Body", "blob")
MILLISECONDS = Shape("At", "long", per_second=1000)
ISO_TEXT = Shape("At", "string", per_second=1)
JSON_TEXT = Shape("Policy", "string", is_json=True)


NOON = datetime(2025, 7, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2025, 6, 30, 22, tzinfo=UTC)  # in the session's zone, Berlin
BIG = "170141183460469231731687303715884105727"
ID = "0f9b6d8e-1111-4222-8333-444455556666"

SENT = [
    # (shape, value, the expressions that are sent as this value)
    (INTEGER, 1, "1", "'1'", "1.0", "1.0::DOUBLE", "1.00::DECIMAL(10,2)", "1::HUGEINT", "1::UTINYINT", "'1'::JSON",
     "'1.0'::JSON", "'\"1\"'::JSON", "'1'::ENUM('1')", "'10e-1'::JSON"),
    (FLOAT, 2.0, "2", "'2'", "'2'::JSON"),
    (FLOAT, 0.5, "0.5", "'.5'"),
    (FLOAT, 100.0, "'1e2'"),
    (FLOAT, 0.1, "'0.10'::JSON"),
    (FLOAT, 0.25, "0.25::FLOAT"),
    (FLOAT, 1.0, "1::HUGEINT"),
    (BOOLEAN, True, "true", "'true'", "'TRUE'", "'true'::JSON", "'\"True\"'::JSON"),
    (BOOLEAN, False, "false", "'false'", "'FALSE'", "'false'::JSON"),
    (TEXT, "plain", "'plain'"),
    (TEXT, "", "''", "'\"\"'::JSON"),
    (TEXT, '"quoted"', "'\"quoted\"'"),
    (TEXT, "unquoted", "'\"unquoted\"'::JSON"),
    (TEXT, "[1]", "'[1]'"),
    (TEXT, "1.50", "'1.50'::JSON", "1.50::DECIMAL(9,2)"),
    (TEXT, "true", "'true'::JSON", "true"),
    (TEXT, "5", "5"),
    (TEXT, "0.0000001", "0.0000001::DECIMAL(9,7)"),
    (TEXT, BIG, BIG),
    (TEXT, "1.5", "1.5::DOUBLE"),
    (TEXT, "2025-01-31", "DATE '2025-01-31'"),
    (TEXT, "2025-01-31 09:00:00", "TIMESTAMP '2025-01-31 09:00:00'"),
    (TEXT, ID, f"'{ID}'::UUID"),
    (TEXT, "a", "'a'::ENUM('a', 'b')"),
    (BLOB, b"abc", "'abc'::BLOB", "'YWJj'", "'\"YWJj\"'::JSON"),
    (TIME, NOON, "'2025-07-01T12:00:00Z'", "'2025-07-01t12:00:00z'", "'2025-07-01 12:00:00+00'",
     "'2025-07-01T14:00:00+02:00'", "'2025-07-01T14:00+0200'", "'20250701T120000Z'", "'2025-07-01 14:00'",
     "'\"2025-07-01T12:00:00Z\"'::JSON", "'1751371200'::JSON", "'1.7513712e9'::JSON",
     "TIMESTAMP '2025-07-01 14:00:00'", "TIMESTAMP_S '2025-07-01 14:00:00'", "TIMESTAMP_NS '2025-07-01 14:00:00'",
     "TIMESTAMPTZ '2025-07-01 12:00:00+00'"),
    (TIME, MIDNIGHT, "'2025-07-01'", "DATE '2025-07-01'"),
    (TIME, NOON.replace(microsecond=250_000), "'2025-07-01T12:00:00.250Z'", "'1751371200.25'::JSON"),
    (TIME, NOON.replace(microsecond=123_456), "'2025-07-01T12:00:00.123456789Z'"),
    (MILLISECONDS, 1_751_371_200_250, "TIMESTAMPTZ '2025-07-01 12:00:00.25+00'", "'2025-07-01T12:00:00.250Z'",
     "1751371200250"),
    (ISO_TEXT, "2025-07-01T12:00:00Z", "TIMESTAMPTZ '2025-07-01 12:00:00+00'", "'2025-07-01T12:00:00Z'"),
    (JSON_TEXT, '{"a": 1}', "'{\"a\": 1}'", "'{\"a\": 1}'::JSON", "{'a': 1, 'b': NULL}"),
    (JSON_TEXT, "no JSON", "'no JSON'", "'\"no JSON\"'::JSON"),
    *((shape, None, "NULL", "NULL::JSON", "'null'::JSON", "NULL::VARCHAR", "NULL::INTEGER")
      for shape in (INTEGER, TEXT, TIME, BLOB, BOOLEAN)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "value", "written"),
    [(shape, value, written) for shape, value, *forms in SENT for written in forms],
)
def test_a_value_may_be_written_in_several_forms(
    convert: Coerce, shape: Shape, value: object, written: str
) -> None:
    assert repr(convert(written, shape)) == repr(value)  # 1, 1.0 and True are equal, but not the same


ONE_TO_FIVE = Shape("N", "integer", low=1, high=5)
ISO = "a date and time in ISO 8601, such as 2025-01-31T09:00:00Z"
REFUSED = [
    # (shape, what was expected, the expressions that do not fit)
    (INTEGER, "an integer", "'1.0'", "50.5", "'50.5'::JSON", "true", "'true'::JSON", "'one'", "' 1'", "'1_000'", "'١'",
     "'0x1'", "'nan'::DOUBLE", "'inf'::DOUBLE", "'1'::BLOB", "DATE '2025-01-01'", "[1]", "{'a': 1}", "'[1]'::JSON",
     "'1e999999999'::JSON", "'1e-999999999'::JSON", "INTERVAL 1 DAY"),
    (ONE_TO_FIVE, "an integer from 1 to 5", "0", "6"),
    (Shape("N", "integer", low=0), "an integer of at least 0", "-1"),
    (Shape("N", "integer", high=100), "an integer of at most 100", "101"),
    (INTEGER, "an integer from -2147483648 to 2147483647", "2147483648", "-2147483649"),
    (Shape("N", "long"), f"an integer from {-(2**63)} to {2**63 - 1}", "9223372036854775808"),
    (Shape("N", "integer", low=1), "an integer from 1 to 2147483647", "'9999999999'"),
    (FLOAT, "a number of at least 0", "-0.5"),
    (FLOAT, "a number", "true", "'half'", "'nan'", "'1_0'", "'infinity'", "'0.5'::BLOB", "[0.5]"),
    (FLOAT, "a finite number", "'nan'::DOUBLE", "'inf'::DOUBLE", "'1e999'", "'1e999'::JSON"),
    (BOOLEAN, "true or false", "1", "0", "'1'", "'yes'", "'t'", "'1'::JSON", "'on'"),
    (TEXT, "text, not a BLOB", "'abc'::BLOB"),
    (BLOB, "a BLOB or base64 text", "'abc'", "'YW Jj'", "'größe'", "1", "'{\"a\": 1}'::JSON"),
    (Shape("B", "blob", high=3), "a value of at most 3 bytes (not 4)", "'abcd'::BLOB"),
    (TIME, ISO, "'20250101'", "'2025'", "'1751371200'", "'2025-01'", "'2025-W01-1'", "'2025-02-30'", "'12:00'",
     "'now'", "'2025-01-01T25:00:00Z'", "'0001-01-01T00:00:00+14:00'", "20250101", "1751371200.5", "true",
     "TIME '12:00'", "'infinity'", "INTERVAL 1 DAY", "'2025-01-01Z'"),
    (TIME, f"{ISO}, or a number of seconds since 1970", "'\"2025\"'::JSON", "'1751371200000'::JSON",
     "'1e999999999'::JSON", "'true'::JSON"),
    *((shape, f"a {shape.kind}; for no value write NULL, not ''", "''", "'\"\"'::JSON")
      for shape in (INTEGER, FLOAT, TIME, BLOB, BOOLEAN)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "expected", "written"),
    [(shape, expected, written) for shape, expected, *forms in REFUSED for written in forms],
)
def test_another_value_is_refused(find_refusals: Refuse, shape: Shape, expected: str, written: str) -> None:
    assert find_refusals(written, shape) == {"c": expected}


@pytest.mark.parametrize("written", ["'{\"a\": 1}'::JSON", "'[1]'::JSON", "{'a': 1}", "['a']", "MAP{'a': 1}"])
def test_what_has_members_is_no_text_unless_it_is_cast(
    convert: Coerce, find_refusals: Refuse, written: str
) -> None:
    assert find_refusals(written, TEXT) == {"c": "text (cast it to VARCHAR to send it as written)"}
    assert isinstance(convert(f"({written})::VARCHAR", TEXT), str)


def test_a_zone_that_python_does_not_know_asks_for_an_offset(duck: Duck) -> None:
    value, type, is_json = duck.column("'2025-07-01'")
    _, errors, _ = coerce(value, type, is_json, TIME, row=3, column="at", zone="Mars/Base")
    assert str(errors[0]) == (
        "row 3, at: '2025-07-01'; expected a date and time in ISO 8601, such as 2025-01-31T09:00:00Z "
        "(the session's TimeZone 'Mars/Base' is unknown here)"
    )


@pytest.mark.parametrize(
    ("constraint", "text", "expected"),
    [
        (Constraint(min=1, max=3), "", "text of 1 to 3 characters (not 0)"),
        (Constraint(max=3), "größe", "text of at most 3 characters (not 5)"),
        (Constraint(min=3, max=3), "ab", "text of exactly 3 characters (not 2)"),
        (Constraint(pattern="[a-z]+"), "a\n", "text that matches [a-z]+"),
        (Constraint(pattern=r"\d+"), "٣", r"text that matches \d+"),
        (Constraint(max=1, pattern="[a-z]+"), "A1", "text of at most 1 character (not 2) and text that matches [a-z]+"),
    ],
)  # fmt: skip
def test_a_text_is_checked_against_all_its_constraints(
    find_refusals: Refuse, constraint: Constraint, text: str, expected: str
) -> None:
    assert find_refusals("?", Shape("Text", "string", constraint=constraint), text) == {"c": expected}


def test_a_pattern_that_python_cannot_read_accepts_everything(convert: Coerce) -> None:
    assert convert("'!'", Shape("Text", "string", constraint=Constraint(pattern="a{2}{3}"))) == "!"


def test_half_a_surrogate_pair_is_refused_before_it_cannot_be_sent(find_refusals: Refuse) -> None:
    shape = Shape("Texts", "list", item=TEXT)
    assert find_refusals("?", shape, r'["\ud83d"]') == {"c[0]": "text without halves of surrogate pairs"}


def test_an_unknown_enum_value_is_sent_with_a_warning_that_names_the_nearest(duck: Duck) -> None:
    shape = Shape("Mode", "string", constraint=Constraint(enum=("Serial", "Direct")))
    value, errors, warnings = duck.coerce("'Serail'", shape)
    assert (value, errors) == ("Serail", [])
    assert [str(warning) for warning in warnings] == [
        "row 1, c: 'Serail'; expected one of Serial, Direct. Did you mean 'Serial'?"
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 100, "x" * 59 + "…"),
        ("a\n  b", "a b"),
        (b"abc", "3 bytes"),
        ([{"a": 1, "b": None}], '[{"a": 1, "b": null}]'),
    ],
)
def test_a_message_shows_the_value_as_written_and_shortened(value: Any, shown: str) -> None:
    _, errors, _ = coerce(value, pa.array([value]).type, False, INTEGER, row=1, column="c", zone="UTC")
    assert errors[0].value == shown


def test_a_secret_is_not_shown(duck: Duck) -> None:
    secret = Shape("Password", "string", constraint=Constraint(min=8), sensitive=True)
    user = Shape("User", "structure", members={"Password": secret, "Name": TEXT}, required=("Name",))
    _, errors, _ = duck.coerce("{'Password': 'hunter2'}", user)
    assert [(error.path, error.value) for error in errors] == [
        ("c.Password", "(sensitive)"),
        ("c", "(sensitive)"),
    ]
