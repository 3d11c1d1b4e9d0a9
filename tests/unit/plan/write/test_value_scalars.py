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


@pytest.mark.parametrize(
    "written",
    [
        "1",
        "'1'",
        "1.0",
        "1.0::DOUBLE",
        "1.00::DECIMAL(10,2)",
        "1::HUGEINT",
        "1::UTINYINT",
        "'1'::JSON",
        "'1.0'::JSON",
        "'\"1\"'::JSON",
        "'1'::ENUM('1')",
        "'10e-1'::JSON",
    ],
)
def test_a_whole_number_is_an_integer_however_it_is_written(taken: Coerce, written: str) -> None:
    result = taken(written, INTEGER)
    assert result == 1 and type(result) is int


@pytest.mark.parametrize(
    "written",
    [
        "'1.0'",
        "50.5",
        "'50.5'::JSON",
        "true",
        "'true'::JSON",
        "'one'",
        "' 1'",
        "'1_000'",
        "'١'",
        "'0x1'",
        "'nan'::DOUBLE",
        "'inf'::DOUBLE",
        "'1'::BLOB",
        "DATE '2025-01-01'",
        "[1]",
        "{'a': 1}",
        "'[1]'::JSON",
        "'1e999999999'::JSON",
        "'1e-999999999'::JSON",
        "INTERVAL 1 DAY",
    ],
)
def test_what_is_no_whole_number_is_no_integer(refused: Refuse, written: str) -> None:
    assert refused(written, INTEGER) == {"c": "an integer"}


@pytest.mark.parametrize(
    ("written", "shape", "expected"),
    [
        ("0", Shape("N", "integer", low=1, high=5), "an integer from 1 to 5"),
        ("6", Shape("N", "integer", low=1, high=5), "an integer from 1 to 5"),
        ("-1", Shape("N", "integer", low=0), "an integer of at least 0"),
        ("101", Shape("N", "integer", high=100), "an integer of at most 100"),
        ("2147483648", INTEGER, "an integer from -2147483648 to 2147483647"),
        ("9223372036854775808", Shape("N", "long"), f"an integer from {-(2**63)} to {2**63 - 1}"),
        ("'9999999999'", Shape("N", "integer", low=1), "an integer from 1 to 2147483647"),
        ("-0.5", FLOAT, "a number of at least 0"),
    ],
)
def test_a_number_outside_its_range_is_refused(
    refused: Refuse, written: str, shape: Shape, expected: str
) -> None:
    assert refused(written, shape) == {"c": expected}


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("2", 2.0),
        ("'2'", 2.0),
        ("0.5", 0.5),
        ("'.5'", 0.5),
        ("'1e2'", 100.0),
        ("'0.10'::JSON", 0.1),
        ("0.25::FLOAT", 0.25),
        ("'2'::JSON", 2.0),
        ("1::HUGEINT", 1.0),
    ],
)
def test_a_float_takes_integers_and_numeric_text(taken: Coerce, written: str, number: float) -> None:
    assert taken(written, FLOAT) == number


@pytest.mark.parametrize(
    "written", ["true", "'half'", "'nan'", "'1_0'", "'infinity'", "'0.5'::BLOB", "[0.5]"]
)
def test_what_is_no_number_is_no_float(refused: Refuse, written: str) -> None:
    assert refused(written, FLOAT) == {"c": "a number"}


@pytest.mark.parametrize("written", ["'nan'::DOUBLE", "'inf'::DOUBLE", "'1e999'", "'1e999'::JSON"])
def test_a_float_is_finite(refused: Refuse, written: str) -> None:
    assert refused(written, FLOAT) == {"c": "a finite number"}


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ("true", True),
        ("'true'", True),
        ("'TRUE'", True),
        ("'true'::JSON", True),
        ("'\"True\"'::JSON", True),
        ("false", False),
        ("'false'", False),
        ("'FALSE'", False),
        ("'false'::JSON", False),
    ],
)
def test_a_boolean_may_be_text_in_any_case(taken: Coerce, written: str, truth: bool) -> None:
    assert taken(written, BOOLEAN) is truth


@pytest.mark.parametrize("written", ["1", "0", "'1'", "'yes'", "'t'", "'1'::JSON", "'on'"])
def test_numbers_and_other_words_are_not_booleans(refused: Refuse, written: str) -> None:
    assert refused(written, BOOLEAN) == {"c": "true or false"}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("'plain'", "plain"),
        ("''", ""),
        ("'\"quoted\"'", '"quoted"'),
        ("'\"unquoted\"'::JSON", "unquoted"),
        ("'\"\"'::JSON", ""),
        ("'[1]'", "[1]"),
        ("'1.50'::JSON", "1.50"),
        ("'true'::JSON", "true"),
        ("5", "5"),
        ("1.50::DECIMAL(9,2)", "1.50"),
        ("0.0000001::DECIMAL(9,7)", "0.0000001"),
        ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        ("1.5::DOUBLE", "1.5"),
        ("true", "true"),
        ("DATE '2025-01-31'", "2025-01-31"),
        ("TIMESTAMP '2025-01-31 09:00:00'", "2025-01-31 09:00:00"),
        ("'0f9b6d8e-1111-4222-8333-444455556666'::UUID", "0f9b6d8e-1111-4222-8333-444455556666"),
        ("'a'::ENUM('a', 'b')", "a"),
    ],
)
def test_text_stays_as_it_is_and_a_json_scalar_is_unquoted(taken: Coerce, written: str, text: str) -> None:
    assert taken(written, TEXT) == text


@pytest.mark.parametrize("written", ["'{\"a\": 1}'::JSON", "'[1]'::JSON", "{'a': 1}", "['a']", "MAP{'a': 1}"])
def test_what_has_members_is_no_text_unless_it_is_cast(taken: Coerce, refused: Refuse, written: str) -> None:
    assert refused(written, TEXT) == {"c": "text (cast it to VARCHAR to send it as written)"}
    assert isinstance(taken(f"({written})::VARCHAR", TEXT), str)


def test_a_blob_is_not_text(refused: Refuse) -> None:
    assert refused("'abc'::BLOB", TEXT) == {"c": "text, not a BLOB"}


@pytest.mark.parametrize("written", ["NULL", "NULL::JSON", "'null'::JSON", "NULL::VARCHAR", "NULL::INTEGER"])
@pytest.mark.parametrize("shape", [INTEGER, TEXT, TIME, BLOB, BOOLEAN])
def test_null_is_nothing_of_any_kind(taken: Coerce, written: str, shape: Shape) -> None:
    assert taken(written, shape) is None


@pytest.mark.parametrize("shape", [INTEGER, FLOAT, TIME, BLOB, BOOLEAN])
def test_an_empty_text_is_answered_with_write_null(refused: Refuse, shape: Shape) -> None:
    assert refused("''", shape)["c"].endswith("; for no value write NULL, not ''")
    assert refused("'\"\"'::JSON", shape)["c"].endswith("; for no value write NULL, not ''")


NOON = datetime(2025, 7, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2025, 6, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("'2025-07-01T12:00:00Z'", NOON),
        ("'2025-07-01t12:00:00z'", NOON),
        ("'2025-07-01 12:00:00+00'", NOON),
        ("'2025-07-01T14:00:00+02:00'", NOON),
        ("'2025-07-01T14:00+0200'", NOON),
        ("'20250701T120000Z'", NOON),
        ("'2025-07-01T12:00:00.250Z'", NOON.replace(microsecond=250_000)),
        ("'2025-07-01T12:00:00.123456789Z'", NOON.replace(microsecond=123_456)),
        ("'2025-07-01 14:00'", NOON),
        ("'2025-07-01'", MIDNIGHT),
        ("'\"2025-07-01T12:00:00Z\"'::JSON", NOON),
        ("'1751371200'::JSON", NOON),
        ("'1751371200.25'::JSON", NOON.replace(microsecond=250_000)),
        ("'1.7513712e9'::JSON", NOON),
        ("DATE '2025-07-01'", MIDNIGHT),
        ("TIMESTAMP '2025-07-01 14:00:00'", NOON),
        ("TIMESTAMP_S '2025-07-01 14:00:00'", NOON),
        ("TIMESTAMP_NS '2025-07-01 14:00:00'", NOON),
        ("TIMESTAMPTZ '2025-07-01 12:00:00+00'", NOON),
    ],
)
def test_a_time_has_a_date_and_without_a_zone_that_of_the_session(
    taken: Coerce, written: str, moment: datetime
) -> None:
    result = taken(written, TIME)
    assert result == moment and type(result) is datetime and result.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        "'20250101'",
        "'2025'",
        "'1751371200'",
        "'2025-01'",
        "'2025-W01-1'",
        "'2025-02-30'",
        "'12:00'",
        "'now'",
        "'2025-01-01T25:00:00Z'",
        "'0001-01-01T00:00:00+14:00'",
        "20250101",
        "1751371200.5",
        "true",
        "TIME '12:00'",
        "'\"2025\"'::JSON",
        "'1751371200000'::JSON",
        "'1e999999999'::JSON",
        "'true'::JSON",
        "'infinity'",
        "INTERVAL 1 DAY",
        "'2025-01-01Z'",
    ],
)
def test_what_botocore_would_guess_at_is_no_time(refused: Refuse, written: str) -> None:
    assert refused(written, TIME)["c"].startswith("a date and time in ISO 8601, such as 2025-01-31T09:00:00Z")


def test_a_zone_that_python_does_not_know_asks_for_an_offset(duck: Duck) -> None:
    value, type, is_json = duck.column("'2025-07-01'")
    _, faults, _ = coerce(value, type, is_json, TIME, row=3, column="at", zone="Mars/Base")
    assert str(faults[0]) == (
        "row 3, at: '2025-07-01'; expected a date and time in ISO 8601, such as 2025-01-31T09:00:00Z "
        "(the session's TimeZone 'Mars/Base' is unknown here)"
    )


@pytest.mark.parametrize("written", ["'abc'::BLOB", "'YWJj'", "'\"YWJj\"'::JSON"])
def test_a_blob_is_a_blob_or_base64(taken: Coerce, written: str) -> None:
    assert taken(written, BLOB) == b"abc"


@pytest.mark.parametrize("written", ["'abc'", "'YW Jj'", "'größe'", "1", "'{\"a\": 1}'::JSON"])
def test_other_text_is_not_a_blob(refused: Refuse, written: str) -> None:
    assert refused(written, BLOB) == {"c": "a BLOB or base64 text"}


def test_the_size_of_a_blob_is_checked(refused: Refuse) -> None:
    assert refused("'abcd'::BLOB", Shape("B", "blob", high=3)) == {"c": "a value of at most 3 bytes (not 4)"}


@pytest.mark.parametrize(
    ("constraint", "text", "expected"),
    [
        (Constraint(min=1, max=3), "", "text of 1 to 3 characters (not 0)"),
        (Constraint(max=3), "größe", "text of at most 3 characters (not 5)"),
        (Constraint(min=3, max=3), "ab", "text of exactly 3 characters (not 2)"),
        (Constraint(pattern="[a-z]+"), "a\n", "text that matches [a-z]+"),
        (Constraint(pattern=r"\d+"), "٣", r"text that matches \d+"),
        (
            Constraint(max=1, pattern="[a-z]+"),
            "A1",
            "text of at most 1 character (not 2) and text that matches [a-z]+",
        ),
    ],
)
def test_a_text_is_checked_against_all_its_constraints(
    refused: Refuse, constraint: Constraint, text: str, expected: str
) -> None:
    assert refused("?", Shape("Text", "string", constraint=constraint), text) == {"c": expected}


def test_a_pattern_that_python_cannot_read_accepts_everything(taken: Coerce) -> None:
    assert taken("'!'", Shape("Text", "string", constraint=Constraint(pattern="a{2}{3}"))) == "!"


def test_half_a_surrogate_pair_is_refused_before_it_cannot_be_sent(refused: Refuse) -> None:
    shape = Shape("Texts", "list", item=TEXT)
    assert refused("?", shape, r'["\ud83d"]') == {"c[0]": "text without halves of surrogate pairs"}


def test_an_unknown_enum_value_is_sent_with_a_warning_that_names_the_nearest(duck: Duck) -> None:
    shape = Shape("Mode", "string", constraint=Constraint(enum=("Serial", "Direct")))
    value, faults, warnings = duck.coerce("'Serail'", shape)
    assert (value, faults) == ("Serail", [])
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
    _, faults, _ = coerce(value, pa.array([value]).type, False, INTEGER, row=1, column="c", zone="UTC")
    assert faults[0].value == shown


def test_a_secret_is_not_shown(duck: Duck) -> None:
    secret = Shape("Password", "string", constraint=Constraint(min=8), sensitive=True)
    user = Shape("User", "structure", members={"Password": secret, "Name": TEXT}, required=("Name",))
    _, faults, _ = duck.coerce("{'Password': 'hunter2'}", user)
    assert [(fault.path, fault.value) for fault in faults] == [("c.Password", "(hidden)"), ("c", "(hidden)")]
