"""Credentials from everywhere that the AWS CLI finds them, and the errors where there are none."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from credential_server import LIST, SECRET, TOKEN, CredentialServer, run_credential_server

import sqlprov
from sqlprov.errors import CredentialsError, InterfaceError, RegionError, Unreachable

NAMES = "SELECT model_name FROM aws.sagemaker.models"
DELETE = "DELETE FROM aws.sagemaker.models WHERE model_name = 'm' AND region = 'us-east-1'"
INSERT = (
    "INSERT INTO aws.sagemaker.models (region, model_name, execution_role_arn) "
    "VALUES ('us-east-1', 'm', 'arn:aws:iam::123456789012:role/r')"
)
DEVICE = "arn:aws:iam::123456789012:mfa/anna"
KEYS = "aws_access_key_id = AKIABASE\naws_secret_access_key = BASESECRETBASESECRET\n"
ROLE = "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n"
BASE = f"[profile base]\n{KEYS}"
SSO = "sso_account_id = 123456789012\nsso_role_name = r\nsso_region = eu-west-1\n"
SSO_START = f"{SSO}sso_start_url = https://x.awsapps.com/start\n"
PYTHON = f"credential_process = {sys.executable} -c"


@pytest.fixture
def server() -> Iterator[CredentialServer]:
    with run_credential_server() as running:
        yield running


Configure = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: CredentialServer) -> Configure:
    """Write ~/.aws/config, and set variables; none of AWS is left but the endpoint and the region us-east-1."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    folder = tmp_path / ".aws"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "ENDPOINT_URL": server.url,
        "REGION": "us-east-1",
        "EC2_METADATA_DISABLED": "true",
        "CONFIG_FILE": str(folder / "config"),
        "SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)

    def configure(config: str | bytes = "", **variables: str | None) -> None:
        (folder / "config").write_bytes(config.encode() if isinstance(config, str) else config)
        for name, value in variables.items():
            if value is None:
                monkeypatch.delenv(name)
            else:
                monkeypatch.setenv(name, value)

    return configure


def read(**options: Any) -> list[str]:
    """The access key id that read the models, which the server gives as their name."""
    with sqlprov.connect(**options) as con:
        return [name for (name,) in con.sql(NAMES).fetchall()]


def fail(**options: Any) -> CredentialsError:
    with sqlprov.connect(**options) as con, pytest.raises(CredentialsError) as met:
        con.sql(NAMES).fetchall()
    assert isinstance(met.value, CredentialsError)
    return met.value


# Where they come from


def test_the_role_is_assumed_once_in_the_configured_region_and_kept_for_the_next_session(
    configure: Configure, server: CredentialServer, tmp_path: Path
) -> None:
    configure(f"[profile r]\n{ROLE}region = eu-west-1\n{BASE}", AWS_PROFILE="r", AWS_REGION=None)
    everywhere = f"{NAMES} WHERE region IN ('af-south-1', 'eu-west-1', 'us-east-1')"
    with sqlprov.connect() as con:
        names = con.sql(everywhere).fetchall()
    with sqlprov.connect() as con:
        assert con.sql(everywhere).fetchall() == names
    assert [call for call in server.calls if call[0] == "AssumeRole"] == [
        ("AssumeRole", "eu-west-1", "AKIABASE")
    ]
    (file,) = (tmp_path / ".aws/cli/cache").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION", None])
def test_sts_is_asked_in_the_region_of_the_environment_or_in_one_that_every_account_has(
    configure: Configure, server: CredentialServer, region: str | None
) -> None:
    variables = {"AWS_REGION": None} | ({region: "eu-central-1"} if region else {})
    configure(f"[profile r]\n{ROLE}{BASE}", AWS_PROFILE="r", **variables)
    with sqlprov.connect() as con:
        con.sql(f"{NAMES} WHERE region = 'af-south-1'").fetchall()
    assert server.calls[0][:2] == ("AssumeRole", "eu-central-1" if region else "us-east-1")


SOURCES: dict[str, tuple[str, dict[str, str]]] = {
    "environment": (
        "",
        {"AWS_ACCESS_KEY_ID": "ASIAENV", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN},
    ),
    "profile": (f"[profile p]\n{KEYS}", {"AWS_PROFILE": "p"}),
    "role": (f"[profile p]\n{ROLE}{BASE}", {"AWS_PROFILE": "p"}),
    "role of a container": (
        "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\ncredential_source = EcsContainer\n",
        {"AWS_PROFILE": "p", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/container"},
    ),
    "process": (
        f'[profile p]\n{PYTHON} "print(\'{{\\"Version\\": 1, \\"AccessKeyId\\": \\"ASIAPROCESS\\", '
        f'\\"SecretAccessKey\\": \\"{SECRET}\\", \\"SessionToken\\": \\"{TOKEN}\\"}}\')"\n',
        {"AWS_PROFILE": "p"},
    ),
    "web identity": (
        "",
        {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token"},
    ),
    "container": ("", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/container"}),
    "machine": ("", {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}", "AWS_EC2_METADATA_DISABLED": "false"}),
    "sso": (f"[profile p]\n{SSO_START}", {"AWS_PROFILE": "p"}),
}


@pytest.fixture
def choose(
    configure: Configure, server: CredentialServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Configure one of SOURCES."""

    def choose(source: str) -> None:
        config, variables = SOURCES[source]
        filled = {name: value.format(url=server.url, home=tmp_path) for name, value in variables.items()}
        configure(config, **filled)
        (tmp_path / "token").write_text(f"WEB{TOKEN}")
        tokens = tmp_path / ".aws/sso/cache"
        tokens.mkdir(parents=True)
        token = {"accessToken": f"SSO{TOKEN}", "expiresAt": "2099-01-01T00:00:00Z"}
        name = hashlib.sha1(b"https://x.awsapps.com/start").hexdigest()
        (tokens / f"{name}.json").write_bytes(orjson.dumps(token))
        # It looks for the home folder when it is imported.
        monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(tokens))

    return choose


@pytest.mark.parametrize("source", SOURCES)
def test_credentials_of_every_source_read_rows(choose: Callable[[str], None], source: str) -> None:
    choose(source)
    (key,) = read()
    assert re.match("A(SI|KI)A", key)


# Renewed credentials


def test_renewed_credentials_are_used_by_the_next_statement(
    configure: Configure, server: CredentialServer, tmp_path: Path
) -> None:
    server.refused.add("AKIABASE")
    configure(f"[default]\n{KEYS}")
    with sqlprov.connect() as con:
        with pytest.raises(CredentialsError, match="the credentials are expired or not valid"):
            con.sql(NAMES).fetchall()
        configure(f"[default]\n{KEYS.replace('AKIABASE', 'AKIANEW')}")
        assert con.sql(NAMES).fetchall() == [("AKIANEW",)]


def test_a_refused_role_is_assumed_again(configure: Configure, server: CredentialServer) -> None:
    configure(f"[default]\n{ROLE}{BASE}")
    with sqlprov.connect() as con:
        ((key,),) = con.sql(NAMES).fetchall()
        server.refused.add(key)
        with pytest.raises(CredentialsError):
            con.sql(NAMES).fetchall()
        assert con.sql(NAMES).fetchall() != [(key,)]
    assert server.count("AssumeRole") == 2


def test_credentials_that_cannot_be_got_are_tried_once_for_all_regions_of_a_statement(
    configure: Configure, server: CredentialServer
) -> None:
    configure(f"[default]\n{ROLE}mfa_serial = {DEVICE}\n{BASE}")
    with sqlprov.connect(region=["eu-west-1", "us-east-1", "us-west-2"]) as con:
        with pytest.raises(CredentialsError):
            con.enter_mfa_code("000000")
        before = server.count("AssumeRole")
        con.sql("SET sqlprov_on_error = 'warn'")
        result = con.sql(NAMES)
        assert (result.fetchall(), result.complete) == ([], False)
    assert (before, server.count("AssumeRole"), con.calls) == (1, 1, [])


# MFA


def test_a_code_of_the_mfa_device_logs_in_and_the_session_is_kept(
    configure: Configure, server: CredentialServer
) -> None:
    server.codes.add("123456")
    configure(f"[profile r]\n{ROLE}mfa_serial = {DEVICE}\n{BASE}", AWS_PROFILE="r")
    error = fail()
    assert error.mfa_serial == DEVICE
    assert f"the role needs a code of the MFA device {DEVICE}." in str(error)
    assert "`aws sts get-caller-identity --profile r`" in str(error)
    assert server.calls == []
    with sqlprov.connect() as con:
        for wrong in ("654321", "12"):
            with pytest.raises(CredentialsError, match=r"was not accepted\. It was mistyped or used") as met:
                con.enter_mfa_code(wrong)
            assert met.value.mfa_serial == DEVICE
        con.enter_mfa_code("123456 ")
        names = con.sql(NAMES).fetchall()
    assert [tuple(read())] == names
    assert server.count("AssumeRole") == 2


def test_a_code_that_is_refused_names_the_device_of_the_profile_that_the_role_starts_from(
    configure: Configure, server: CredentialServer
) -> None:
    middle = f"[profile middle]\n{ROLE}mfa_serial = {DEVICE}\n"
    configure(f"[profile r]\n{ROLE.replace('base', 'middle')}{middle}{BASE}", AWS_PROFILE="r")
    assert fail().mfa_serial == DEVICE
    with sqlprov.connect() as con, pytest.raises(CredentialsError, match="was not accepted") as met:
        con.enter_mfa_code("654321")
    assert met.value.mfa_serial == DEVICE


def test_an_insert_without_its_mfa_code_writes_nothing(
    configure: Configure, server: CredentialServer
) -> None:
    configure(f"[profile r]\n{ROLE}mfa_serial = {DEVICE}\n{BASE}", AWS_PROFILE="r")
    with sqlprov.connect() as con, pytest.raises(CredentialsError) as met:
        con.sql(INSERT)
    assert met.value.mfa_serial == DEVICE
    assert server.calls == []


# Errors


def build_process(code: str) -> str:
    return f'[default]\n{PYTHON} "{code}"\n'


FAILURES: dict[str, tuple[str, dict[str, str | None], str]] = {
    "none": ("", {}, "Unable to locate credentials.*AWS_PROFILE"),
    "half": ("", {"AWS_ACCESS_KEY_ID": "AKIA"}, "missing: AWS_SECRET_ACCESS_KEY"),
    "unknown profile": (BASE, {"AWS_PROFILE": "bas"}, r"\(bas\) could not be found. Did you mean 'base'"),
    "section without `profile`": (
        "[x]\n",
        {"AWS_PROFILE": "x"},
        r"section is \[x\]; it must be \[profile x\]",
    ),
    "loop": (
        "[profile a]\nrole_arn = x\nsource_profile = b\n[profile b]\nrole_arn = x\nsource_profile = a\n",
        {"AWS_PROFILE": "a"},
        "for profile 'a': Infinite loop",
    ),
    "source without a profile": (f"[profile a]\n{ROLE}", {"AWS_PROFILE": "a"}, '"base".* does not exist'),
    "source without keys": (
        f"[profile a]\n{ROLE}[profile base]\n",
        {"AWS_PROFILE": "a"},
        "must have credentials",
    ),
    "helper that is missing": ("[default]\ncredential_process = /no/such\n", {}, "/no/such: No such file"),
    "helper that cannot run": (
        "[default]\ncredential_process = /etc/passwd\n",
        {},
        "/etc/passwd: Permission denied",
    ),
    "helper that fails": (
        build_process(f"import sys; print('{SECRET}', file=sys.stderr); sys.exit(3)"),
        {},
        r"credential_process 'python\S*' ended with exit status 3",
    ),
    "helper that prints words": (
        build_process(f"print('{SECRET}')"),
        {},
        'did not print JSON such as {"Version"',
    ),
    "helper that prints a list": (build_process(f"print(['{SECRET}'])"), {}, "did not print JSON"),
    "helper that prints other keys": (
        build_process('print(\'{\\"Version\\": 1, \\"AccessKeyId\\": 5, \\"SecretAccessKey\\": null}\')'),
        {},
        "did not print JSON",
    ),
    "helper that prints bytes": (
        build_process("import os; os.write(1, bytes([255]))"),
        {},
        "did not print JSON",
    ),
    "helper of the source profile": (
        f"[default]\n{ROLE}"
        + build_process(f"import sys; sys.exit('{SECRET}')").replace("default", "profile base"),
        {},
        "ended with exit status 1",
    ),
    "helper that prints a time that is none": (
        build_process(
            'print(\'{\\"Version\\": 1, \\"AccessKeyId\\": \\"a\\", \\"SecretAccessKey\\": \\"b\\", '
            f'\\"Expiration\\": \\"{SECRET}\\"}}\')'
        ),
        {},
        "did not print JSON",
    ),
    "helper without a name": ("[default]\ncredential_process =\n", {}, "credential_process is empty"),
    "helper with an open quotation": (
        "[default]\ncredential_process = 'a\n",
        {},
        "credentials: No closing quotation",
    ),
    "web identity without its file": (
        "",
        {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/token"},
        "/no/token: No such file",
    ),
    "container that nobody serves": (
        "",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x"},
        "Error when retrieving credentials from container-role",
    ),
    "sso without a login": (f"[profile p]\n{SSO_START}", {"AWS_PROFILE": "p"}, "`aws sso login --profile p`"),
    "sso without its session": (
        f"[profile p]\n{SSO}sso_session = s\n",
        {"AWS_PROFILE": "p"},
        'sso-session does not exist: "s"',
    ),
    "sts that nobody serves": (
        f"[default]\n{ROLE}{BASE}",
        {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"},
        "127.0.0.1:9/.*Check the network",
    ),
    "folder": ("", {"AWS_CONFIG_FILE": "/"}, ": / is a folder; expected the file"),
    "profile without a name": ("", {"AWS_PROFILE": " "}, "The name of the profile is empty"),
    "number": ("", {"AWS_METADATA_SERVICE_TIMEOUT": "x"}, "AWS_METADATA_SERVICE_TIMEOUT or .*'x'"),
    "byte order mark": ("\ufeff[default]\n", {}, "config:1: the file begins with a byte order mark"),
    "double key": (
        f"[default]\n{KEYS}{KEYS}",
        {},
        r"config:4: aws_access_key_id occurs twice in \[default\]",
    ),
    "double section": (
        f"[default]\n{KEYS}[default]\n",
        {},
        r"config:4: the section \[default\] occurs twice",
    ),
    "line without =": (f"[default]\n{SECRET}\n", {}, "config:2: expected a line such as region = us-east-1"),
    "line without a section": (f"{KEYS}", {}, r"config:1: expected a section such as \[default\]"),
    "nested line without =": (
        f"[default]\ns3 =\n  {SECRET}\n",
        {},
        "config: expected indented lines such as",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_an_error_says_why_there_are_no_credentials(
    configure: Configure, server: CredentialServer, case: str
) -> None:
    config, variables, expected = FAILURES[case]
    configure(config, **variables)
    error = fail()
    assert re.search(expected, str(error), re.DOTALL), str(error)
    assert SECRET not in str(error)
    assert server.calls == []


@pytest.mark.parametrize("statement", [NAMES, INSERT, DELETE])
def test_the_traceback_of_a_program_does_not_lead_through_our_threads(
    configure: Configure, statement: str
) -> None:
    configure("[default]\n" + ROLE)
    with sqlprov.connect() as con, pytest.raises(CredentialsError) as met:
        con.sql(statement)
    lines = traceback.format_exception(met.value)
    assert lines[-1] == f"sqlprov.errors.CredentialsError: {met.value}\n"
    names = [Path(frame.filename).name for frame in traceback.extract_tb(met.value.__traceback__)]
    assert (names, met.value.__cause__) == ([Path(__file__).name, "tracebacks.py"], None)


@pytest.mark.parametrize(
    "token",
    [
        b"{",
        b"{}",
        b'{"accessToken": "SECRETsecretSECRETsecret", "expiresAt": "2020-01-01T00:00:00Z"}',
        b'{"accessToken": "SECRETsecretSECRETsecret\\n", "expiresAt": "2099-01-01T00:00:00Z"}',
    ],
)
def test_a_token_of_sso_that_has_expired_or_cannot_be_used_says_how_to_log_in(
    choose: Callable[[str], None], tmp_path: Path, token: bytes
) -> None:
    choose("sso")
    (file,) = (tmp_path / ".aws/sso/cache").iterdir()
    file.write_bytes(token)
    error = str(fail())
    assert "for profile 'p': " in error
    assert "Log in: `aws sso login --profile p`." in error
    assert SECRET not in error


def test_a_configuration_that_is_not_utf_8_is_an_error(configure: Configure) -> None:
    configure(b"[default]\nregion = \xff\n")
    assert "config: the file is not UTF-8" in str(fail())


@pytest.mark.parametrize(
    "value", ["{}\n", "{}\r", " {}", '"{}"', "'{}'", "{}\u00c4", "{}\x00".replace("\x00", "\t")]
)
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_a_blank_or_a_line_end_in_a_variable_is_named_and_nothing_is_sent(
    configure: Configure, server: CredentialServer, name: str, value: str
) -> None:
    variables = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
    configure("", **{**variables, name: value.format(variables[name])})
    error = fail()
    assert f"{name} has the character " in str(error)
    assert variables[name] not in str(error)
    assert server.calls == []


def test_a_helper_that_hangs_is_ended(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlprov.aws.transport.credentials.PATIENCE", 0.2)
    configure(build_process("input()").replace("input()", "import time; time.sleep(600)"))
    assert re.search(r"credential_process 'python\S*' took more than 0.2 s", str(fail()))


@pytest.mark.parametrize("broken", ["/container", "AssumeRole", "/federation"])
def test_the_text_of_a_broken_source_is_not_repeated(
    choose: Callable[[str], None], server: CredentialServer, broken: str
) -> None:
    server.broken, server.refusal = broken, f"{SECRET} {TOKEN}"
    choose({"/container": "container", "AssumeRole": "role", "/federation": "sso"}[broken])
    assert not re.search(f"{SECRET}|{TOKEN}", str(fail()))


# The region and the endpoint


@pytest.mark.parametrize("value", ["us-east-1 ", " us-east-1", "us-east-1\n", "us east 1", "US-EAST-1"])
@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_that_is_none_is_named_with_its_variable(
    configure: Configure, variable: str, value: str
) -> None:
    configure(f"[default]\n{KEYS}", **{"AWS_REGION": None, variable: value})
    with sqlprov.connect() as con, pytest.raises(RegionError) as met:
        con.sql(NAMES)
    assert str(met.value) == f"{variable} = {value!r} is not a region. Did you mean 'us-east-1'?"


def test_a_variable_with_two_regions_says_how_to_name_several(configure: Configure) -> None:
    configure(f"[default]\n{KEYS}", AWS_REGION="us-east-1,eu-west-1")
    with sqlprov.connect() as con, pytest.raises(RegionError, match=r"It names one; pass --region for each"):
        con.sql(NAMES)


ENDPOINTS: dict[str, tuple[str, dict[str, str | None]]] = {
    "AWS": ("", {}),
    "http://all:1": ("", {"AWS_ENDPOINT_URL": "http://all:1"}),
    "AWS, sagemaker at http://one:1": ("", {"AWS_ENDPOINT_URL_SAGEMAKER": "http://one:1"}),
    "http://p:1, profile p": ("[profile p]\nendpoint_url = http://p:1\n", {"AWS_PROFILE": "p"}),
    "AWS, s3 at http://s:1": (
        "[default]\nservices = x\n[services x]\ns3 =\n  endpoint_url = http://s:1\n",
        {},
    ),
    "http://e:1": (
        "[default]\nservices = x\n[services x]\ns3 =\n  endpoint_url = http://s:1\n",
        {"AWS_ENDPOINT_URL": "http://e:1"},
    ),
}


@pytest.mark.parametrize("expected", ENDPOINTS)
def test_the_target_is_where_calls_go(configure: Configure, expected: str) -> None:
    config, variables = ENDPOINTS[expected]
    configure(config, **{"AWS_ENDPOINT_URL": None, **variables})
    with sqlprov.connect() as con:
        assert con.target == expected
        for service in ("sagemaker", "s3", "sts"):
            urls = con._session.accounts.own.list_endpoints()
            client = con._session.accounts.own._create_client(service, "us-east-1", 1.0)
            assert client.meta.endpoint_url == urls.get(service, urls.get("", client.meta.endpoint_url))
    configure(config, **variables, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true")
    with sqlprov.connect() as con:
        assert con.target.startswith("AWS")
        assert "http" not in con.target


@pytest.mark.parametrize(
    "url", ["nonsense", "http://127.0.0.1:1 ", "http://127.0.0.1:x", "http://127.0.0.1:1\n"]
)
def test_an_endpoint_that_is_no_url_is_named_with_its_variable(configure: Configure, url: str) -> None:
    configure(f"[default]\n{KEYS}", AWS_ENDPOINT_URL_SAGEMAKER=url)
    with sqlprov.connect() as con, pytest.raises(InterfaceError) as met:
        con.sql(NAMES)
    assert str(met.value).startswith(f"AWS_ENDPOINT_URL_SAGEMAKER = {url!r}: ")


def test_a_machine_without_a_role_is_asked_once_for_a_statement(
    configure: Configure, server: CredentialServer
) -> None:
    server.broken = "/latest"
    variables = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url, "AWS_EC2_METADATA_DISABLED": "false"}
    configure("", **variables)
    with sqlprov.connect(region=["eu-west-1", "us-east-1", "us-west-2"]) as con:
        con.sql("SET sqlprov_on_error = 'warn'")
        assert con.sql(NAMES).fetchall() == []
        first = len(server.calls)
        assert con.sql(NAMES).fetchall() == []
    assert (first, len(server.calls)) == (2, 4)


def test_an_error_about_credentials_names_the_profile_and_the_endpoint(
    configure: Configure, server: CredentialServer
) -> None:
    server.refused.add("AKIABASE")
    configure(f"[profile p]\n{KEYS}", AWS_PROFILE="p")
    assert str(fail()).endswith(f" ({server.url}, profile p)")


def test_a_refusal_that_repeats_a_credential_is_shown_without_it(
    configure: Configure, server: CredentialServer
) -> None:
    server.refused.add("AKIABASE")
    server.refusal = "The canonical string is: BASESECRETBASESECRET"
    configure(f"[default]\n{KEYS}")
    assert "The canonical string is: (hidden)" in str(fail())
    server.refusal_type = "BASESECRETBASESECRET"
    with sqlprov.connect() as con, pytest.raises(sqlprov.errors.OperationalError) as caught:
        con.sql(NAMES)
    assert caught.value.code == "(hidden)"


@pytest.mark.parametrize("refused", ["AKIABASE", "the role's"])
def test_a_refusal_that_repeats_the_secret_that_a_role_starts_from_is_shown_without_it(
    configure: Configure, server: CredentialServer, caplog: pytest.LogCaptureFixture, refused: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.refusal = "The canonical string is: BASESECRETBASESECRET"
    server.broken = LIST if refused != "AKIABASE" else "-"
    server.refused.add(refused)
    configure(f"[profile r]\n{ROLE}{BASE}", AWS_PROFILE="r")
    with sqlprov.connect(settings={"max_attempts": "1"}) as con, pytest.raises(sqlprov.Error) as met:
        con.sql(NAMES)
    seen = [*list_texts(met.value), *map(caplog.handler.format, caplog.records)]
    assert not [text for text in seen if "BASESECRETBASESECRET" in text]


@pytest.mark.parametrize(
    ("config", "variables", "attempts"),
    [
        ("", {}, 5),
        ("", {"AWS_MAX_ATTEMPTS": "2"}, 2),
        ("max_attempts = 3\n", {}, 3),
        ("max_attempts = 3\n", {"AWS_MAX_ATTEMPTS": "1"}, 1),
    ],
)
def test_a_call_is_tried_as_often_as_aws_is_configured(
    configure: Configure,
    server: CredentialServer,
    monkeypatch: pytest.MonkeyPatch,
    config: str,
    variables: dict[str, str],
    attempts: int,
) -> None:
    monkeypatch.setattr("sqlprov.aws.transport.calls.FIRST_PAUSE", dict.fromkeys(("retry", "slow down"), 0))
    monkeypatch.setattr("sqlprov.aws.transport.calls.pause", lambda *_: None)
    server.broken = LIST
    configure(f"[default]\n{KEYS}{config}", **variables)
    with sqlprov.connect() as con:
        with pytest.raises(sqlprov.errors.OperationalError):
            con.sql(NAMES)
        con.sql("SET sqlprov_max_attempts = 4")
        with pytest.raises(sqlprov.errors.OperationalError):
            con.sql(NAMES)
    assert server.count(LIST) == attempts + 4


def test_attempts_that_are_no_number_are_an_error(configure: Configure, server: CredentialServer) -> None:
    server.broken = LIST
    configure(f"[default]\n{KEYS}", AWS_MAX_ATTEMPTS="many")
    with (
        sqlprov.connect() as con,
        pytest.raises(InterfaceError, match=r"AWS_MAX_ATTEMPTS.* is 'many'; expected a number\.$"),
    ):
        con.sql(NAMES)


def test_a_proxy_that_is_no_url_is_named_without_its_password(configure: Configure) -> None:
    configure(f"[default]\n{KEYS}", AWS_ENDPOINT_URL=None, HTTPS_PROXY=f"http://anna:{SECRET}@x:y")
    with sqlprov.connect() as con, pytest.raises(Unreachable, match="HTTPS_PROXY or HTTP_PROXY") as met:
        con.sql(NAMES)
    assert SECRET not in str(met.value)


def test_a_local_connection_needs_no_configuration(configure: Configure) -> None:
    broken = dict.fromkeys(
        ("MAX_ATTEMPTS", "RETRY_MODE", "DEFAULTS_MODE", "METADATA_SERVICE_TIMEOUT", "CA_BUNDLE", "PROFILE"),
        "x",
    )
    broken |= dict.fromkeys(
        (
            "ENDPOINT_URL",
            "ENDPOINT_URL_SAGEMAKER",
            "DATA_PATH",
            "STS_REGIONAL_ENDPOINTS",
            "USE_FIPS_ENDPOINT",
        ),
        "x",
    )
    configure("[default\n", **{f"AWS_{name}": value for name, value in broken.items()}, HTTP_PROXY="x::")
    with sqlprov.connect(local=True) as con:
        assert con.sql("SELECT count(*) > 0 FROM aws.sagemaker.models").fetchall() == [(True,)]


# No credential, from whatever source, is in what a user or a log sees

SEEN = re.compile("|".join([SECRET, TOKEN, "BASESECRETBASESECRET"]))
ENDS = {"answered": "", "refused": "refused", "broken": LIST}
"""How the service ends a call."""


def list_texts(error: BaseException | None) -> Iterator[str]:
    """An error, those that it came from, and what their attributes hold."""
    while error is not None:
        yield from (str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error)))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("source", SOURCES)
def test_no_credential_is_seen(
    choose: Callable[[str], None],
    server: CredentialServer,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    source: str,
    end: str,
) -> None:
    choose(source)
    caplog.set_level(logging.DEBUG)
    server.broken = LIST if end == "broken" else "-"
    texts: list[str] = []
    with sqlprov.connect(settings={"max_attempts": "1"}) as con:
        values = con._session.accounts.own.get_credentials().get_frozen_credentials()
        server.refusal = f"These are wrong: {values.secret_key} {values.token}"
        if end == "refused":
            server.refused.add(values.access_key)
        for statement in (NAMES, f"EXPLAIN {NAMES}", "SHOW SETTINGS", "SELECT * FROM sqlprov.errors"):
            try:
                result = con.sql(statement)
                texts += [repr(result), str(result), repr(result.keep().fetchall()), result.summary]
            except sqlprov.Error as error:
                texts += [*list_texts(error), repr(pickle.dumps(error))]
            texts += [repr(con.calls), repr(con.progress)]
        texts += [repr(con), str(con), con.target, repr(con.settings), repr(con._session.accounts.own)]
        texts += [f"{check}" for check in con.diagnose("sagemaker.models")]
    texts += [file.read_text("latin-1") for file in (tmp_path / "state").rglob("*") if file.is_file()]
    assert [text for text in texts if SEEN.search(text)] == []
    assert [record for record in map(caplog.handler.format, caplog.records) if SEEN.search(record)] == []
