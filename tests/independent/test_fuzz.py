"""Mutated statements, templates, resource files, variable files and settings: an error is always one of ours, in words.

A case is the number of its random choices, so a failure can be repeated. `make test` takes hundreds, and
`make sweep` 10,000.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from corpus import read_blocks
from slices import SWEEP
from write_session import REGION, insert

import sqlprov
from sqlprov.catalog import Catalog
from sqlprov.emulator import Emulator
from sqlprov.errors import Error, InternalError, MalformedSQL
from sqlprov.frontends.templates import render, variables
from sqlprov.settings import Settings
from sqlprov.sql.lexer import tokenize

TESTS = Path(__file__).parents[1]
LONGEST = 20.0
"""Seconds within which a statement ends."""
INTERNAL = re.compile(
    r"Traceback|\b(Attribute|Key|Index|Type|Value|Recursion|Assertion|Unicode\w*|NotImplemented|Name|Runtime)Error\b|"
    r"\bsqlprov\.(api|aws|catalog|duck|emulator|frontends|plan|sql)\b|sqlglot|_?duckdb\.|\bpyarrow\b|"
    r"<class|object at 0x|NoneType|site-packages|sqlprov_ctx|INTERNAL Error"
)
"""Names that a user never wrote."""
WRITES = (
    insert("new"),
    f"""UPDATE aws.sagemaker.inference_experiments SET description = 'x', tags = MAP {{'a': 'b'}}
    WHERE name = 'one' AND region = '{REGION}' RETURNING name, status""",
    f"""UPDATE aws.sagemaker.inference_experiments
    SET data__PatchDocument = '[{{"op": "replace", "path": "/Description", "value": "x"}}]'
    WHERE data__Identifier = 'one' AND region = '{REGION}'""",
    f"/*+ AWAIT */ DELETE FROM aws.sagemaker.models WHERE model_name = 'one' AND region = '{REGION}'",
    f"""EXEC aws.sagemaker.inference_experiments.stop @Name = 'one', @region = '{REGION}',
    @ModelVariantActions = '{{"a": "Retain"}}', @DesiredState = 'Completed'""",
    "SHOW INSERT INTO aws.sagemaker.models; SHOW METHODS IN aws.sagemaker.models; DESCRIBE EXTENDED aws.s3.buckets",
    "SHOW TABLES IN aws.sagemaker LIKE '%model%'; SHOW SERVICES IN aws; SHOW SETTINGS; SHOW REGIONS IN aws",
    "EXPLAIN SELECT tags->>'team', count(*) FROM aws.sagemaker.endpoints GROUP BY ALL; USE aws.sagemaker; FROM models",
    "SET sqlprov_regions = 'us-east-1,eu-west-1'; RESET sqlprov_regions; SELECT current_setting('TimeZone')",
    """WITH a AS (SELECT name, json_extract(model_variants, '$[0].ModelName') AS m
    FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1') PIVOT a ON m USING count(*)""",
)
TEMPLATES = (
    "SELECT '{{ text }}', {{ five }} FROM t WHERE name IN ({{ names }}) AND \"{{ table }}\" LIKE '%{{ digits }}%'",
    "{% for name in names %}SELECT {{ name }}{% if not loop.last %} UNION ALL {% endif %}{% endfor %}",
    "{% set x = five + 1 %}INSERT INTO {{ table }} VALUES ({{ x | int }}, $${{ text | upper }}$$)",
    "-- {{ text }}\n{# note #}{% if yes %}SELECT {{ nothing }}{% else %}{{ missing }}{% endif %} /* {{ five }} */",
)
VARIABLES = {
    "text": "it's",
    "five": 5,
    "digits": "5",
    "yes": True,
    "nothing": None,
    "names": ["a", "b'c"],
    "table": "models",
}
VARIABLE_FILES = {
    ".json": '{"name": "a", "count": 5, "tags": [{"Key": "team", "Value": null}], "on": true, "rate": 1.5e3}',
    ".yaml": "name: 'a'\ncount: 5\ntags:\n  - {Key: team, Value: ~}\non: true\ntext: |\n  two\n  lines\n",
    ".env": "NAME=a\nexport COUNT='5'\nTEXT=\"two\\nlines\" # note\n\nEMPTY=\n",
}
PIECES = [
    *re.findall(
        r"\S+",
        r"""( ) [ ] {{ }} , . ; : :: -> ->> => = <> - -- /* */ ' " ` $ $$ ? ?1 $1 $name @ # \ % * ~ ! | & ^ SELECT FROM
        WHERE JOIN ON GROUP ORDER BY LIMIT INSERT UPDATE DELETE EXEC SET SHOW EXPLAIN WITH AS UNION IN NOT NULL LIKE
        BETWEEN CASE END CAST tags region status name aws aws.ec2 sqlprov.errors now() [] {} {a:1} 'a' 1e400 -1 ''""",
    ),
    *(" ", "\t", "\n", "\r", "\0", "\x7f", "\u00e9", "\u00a0", "\u200b", "\ufeff", "\U0001f600", "\ud800"),
    *("x" * 300, "9" * 40, "/*+ AWAIT */"),
]


def mutate(text: str, chance: random.Random, split: Callable[[str], list[str]], donor: str = "") -> str:
    """`text` with one to four pieces removed, doubled, swapped, replaced or added; sometimes cut short."""
    parts, pieces = split(text), [*PIECES, *split(donor)]
    for _ in range(chance.randint(1, 4)):
        at, other = (chance.randrange(len(parts)) for _ in range(2))
        match chance.randrange(7):
            case 0:
                parts[at] = ""
            case 1:
                parts[at] *= 2
            case 2:
                parts[at], parts[other] = parts[other], parts[at]
            case 3:
                parts[at] = parts[other]
            case 4:
                parts[at] = chance.choice(pieces)
            case 5:
                parts.insert(at, chance.choice(pieces))
            case 6 if parts[at]:
                middle = chance.randrange(len(parts[at]))
                parts[at] = (
                    parts[at][:middle] + chance.choice(pieces) + parts[at][middle + chance.randrange(2) :]
                )
    joined = "".join(parts)
    return joined[: chance.randrange(len(joined) + 1)] if chance.random() < 0.1 else joined


def split_sql(text: str) -> list[str]:
    """The tokens, and the blanks between them; of a text that is malformed already, the words."""
    try:
        tokens = tokenize(text, comments=True)
    except MalformedSQL:
        return split_words(text)
    ends = [0, *(token.end for token in tokens)]
    return [
        part
        for token, end in zip(tokens, ends, strict=False)
        for part in (text[end : token.start], token.text)
    ]


def split_words(text: str) -> list[str]:
    return re.findall(r"\w+|\W", text)


def check(work: Callable[[], object], text: str) -> bool:
    """Whether `work` succeeds; otherwise its error is one of ours and holds no name that is not in `text`."""
    try:
        work()
    except Error as error:
        assert type(error) is not InternalError, text
        strange = [match.group() for match in INTERNAL.finditer(str(error)) if match.group() not in text]
        assert not strange, f"{text!r}\n{error}"
        assert str(error), text
        return False
    return True


def seeds(count: int, all_: int) -> range:
    return range(all_ if SWEEP else count)


@pytest.fixture(scope="module")
def con() -> Iterator[sqlprov.Connection]:
    """A sandbox, so that no mutation writes a file, over two experiments."""
    quick = {"timeout": "5", "max_attempts": "1", "settle": "0", "await_timeout": "0", "fan_out": "20"}
    with pytest.MonkeyPatch.context() as patch, Emulator() as em:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        em.fill(5, [REGION, "eu-west-1"])
        with sqlprov.connect(endpoint_url=em.url, region=REGION, sandbox=True, settings=quick) as con:
            yield con


@pytest.mark.parametrize("block", seeds(6, 160))
def test_a_mutated_statement_runs_or_says_what_is_wrong(con: sqlprov.Connection, block: int) -> None:
    statements = [*(block.sql for block in read_blocks(TESTS / "corpus")), *WRITES]
    with con.cursor() as cursor:
        for number in range(50):
            chance = random.Random(f"statement {block} {number}")
            text = mutate(chance.choice(statements), chance, split_sql, chance.choice(statements))
            late = threading.Timer(LONGEST, cursor.cancel)
            late.start()
            check(lambda text=text: cursor.sql(text).fetchall(), text)  # type: ignore[misc]
            assert late.is_alive(), f"not ended after {LONGEST} s: {text!r}"
            late.cancel()
            check(cursor.rollback, text)


@pytest.mark.parametrize("block", seeds(4, 20))
def test_a_mutated_template_renders_or_says_what_is_wrong(block: int) -> None:
    for number in range(50):
        chance = random.Random(f"template {block} {number}")
        text = mutate(chance.choice(TEMPLATES), chance, split_words)
        check(lambda text=text: render(text, VARIABLES), text)  # type: ignore[misc]


@pytest.mark.parametrize("block", seeds(4, 10))
def test_a_mutated_file_of_variables_is_read_or_says_what_is_wrong(tmp_path: Path, block: int) -> None:
    for number in range(50):
        chance = random.Random(f"variables {block} {number}")
        suffix = chance.choice(list(VARIABLE_FILES))
        text = mutate(VARIABLE_FILES[suffix], chance, split_words)
        file = tmp_path / f"a{suffix}"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        check(lambda file=file: variables.read(file), text)  # type: ignore[misc]


@pytest.mark.parametrize("block", seeds(4, 20))
def test_a_mutated_resource_file_loads_or_says_what_is_wrong(tmp_path: Path, block: int) -> None:
    folder = TESTS / "unit" / "catalog"
    texts = {name: (folder / name).read_text() for name in ("tiny.yaml", "tiny_service.yaml")}
    for number in range(25):
        chance = random.Random(f"resource {block} {number}")
        changed = chance.choice(list(texts))
        new = texts | {changed: mutate(texts[changed], chance, split_words)}
        place = tmp_path / str(number) / "aws" / "sagemaker"
        place.mkdir(parents=True)
        place.with_suffix(".yaml").write_bytes(new["tiny_service.yaml"].encode("utf-8", "surrogatepass"))
        (place / "tiny.yaml").write_bytes(new["tiny.yaml"].encode("utf-8", "surrogatepass"))
        check(
            lambda place=place: Catalog([place.parents[1]]).get_table("aws", "sagemaker", "tiny"),
            new[changed],
        )  # type: ignore[misc]


@pytest.mark.parametrize("block", seeds(2, 10))
def test_any_value_of_a_setting_fits_or_says_what_was_expected(block: int) -> None:
    names = list(Settings.describe())
    values = [
        *PIECES,
        "on",
        "off",
        "auto",
        "60s",
        "5m",
        "nan",
        "inf",
        "-inf",
        "1e9",
        "0x10",
        "1_000",
        "١",
        "us-east-1,all",
    ]
    for number in range(50):
        chance = random.Random(f"setting {block} {number}")
        name, value = chance.choice(names), "".join(chance.choices(values, k=chance.randint(1, 3)))
        name = mutate(name, chance, split_words) if chance.random() < 0.2 else name
        check(lambda name=name, value=value: Settings().with_value(name, value), name + value)  # type: ignore[misc]
