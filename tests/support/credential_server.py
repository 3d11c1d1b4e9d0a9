"""STS, SSO, and the metadata servers of containers and machines, beside a SageMaker with one model."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import orjson

SECRET, TOKEN = "SECRETsecretSECRETsecret", "TOKENtokenTOKENtoken"
"""The secret key and token of every credential that it gives; the key's id has a number."""
LIST = "ListModels"
_EXPIRY = "2099-01-01T00:00:00Z"
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")


@dataclass
class CredentialServer:
    """A running server.

    Attributes:
        calls: operation (or path), region and access key id of each request, in order.
        codes: the codes of MFA devices that it accepts.
        refused: access key ids that it calls expired.
        refusal, refusal_type: what it answers to them.
        broken: begins of paths that are answered with `refusal` and status 500.
    """

    url: str
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    refusal: str = "The security token included in the request is expired"
    refusal_type: str = "ExpiredTokenException"
    broken: str = "-"

    def count(self, operation: str) -> int:
        return sum(call[0] == operation for call in self.calls)


@contextmanager
def run_credential_server() -> Iterator[CredentialServer]:
    class CredentialHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            scope = _SCOPE.search(self.headers.get("Authorization", ""))
            key, region = (scope[1], scope[2]) if scope else ("", "")
            form = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            operation = target or form.get("Action") or self.path
            self.server_state.calls.append((operation, region, key))
            self.send(*self.reply(operation, form, key))

        do_GET = do_POST = do_PUT = answer
        server_state: CredentialServer

        def reply(self, operation: str, form: dict[str, str], key: str) -> tuple[int, bytes]:
            state = self.server_state
            if operation.startswith(state.broken):
                return 500, state.refusal.encode()
            if key in state.refused:
                return 400, orjson.dumps({"__type": state.refusal_type, "message": state.refusal})
            values = {
                "AccessKeyId": f"ASIA{len(state.calls):012}",
                "SecretAccessKey": SECRET,
                "SessionToken": TOKEN,
                "Expiration": _EXPIRY,
            }
            if operation == LIST:
                return 200, orjson.dumps({"Models": [{"ModelName": key, "ModelArn": "a", "CreationTime": 1}]})
            if operation.startswith("AssumeRole"):
                if "SerialNumber" in form and form.get("TokenCode") not in state.codes:
                    text = "MultiFactorAuthentication failed with invalid MFA one time pass code."
                    return 403, _write_xml(
                        "ErrorResponse", {"Error": {"Code": "AccessDenied", "Message": text}}
                    )
                user = {"Arn": "arn:aws:sts::123456789012:assumed-role/r/s", "AssumedRoleId": "A:s"}
                result = {f"{operation}Result": {"Credentials": values, "AssumedRoleUser": user}}
                return 200, _write_xml(f"{operation}Response", result)
            if operation.startswith("/federation/credentials"):
                names = {"accessKeyId": "AccessKeyId", "secretAccessKey": "SecretAccessKey"}
                given = {own: values[name] for own, name in {**names, "sessionToken": "SessionToken"}.items()}
                return 200, orjson.dumps({"roleCredentials": {**given, "expiration": 4070908800000}})
            if operation == "/latest/api/token":
                return 200, b"imds-token"
            if operation.endswith("/security-credentials/"):
                return 200, b"role"
            return 200, orjson.dumps({**values, "Token": TOKEN, "Code": "Success", "Type": "AWS-HMAC"})

        def send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), CredentialHandler)
    server.daemon_threads = True
    state = CredentialHandler.server_state = CredentialServer(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def _write_xml(name: str, value: Any) -> bytes:
    inner = (
        b"".join(_write_xml(each, of) for each, of in value.items())
        if isinstance(value, dict)
        else str(value).encode()
    )
    return b"<%b>%b</%b>" % (name.encode(), inner, name.encode())
