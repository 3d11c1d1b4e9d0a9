"""Sends reads over open connections with a third of the CPU of boto3's client methods.

It serves operations of JSON and Query services, such as SageMaker and EC2, whose calls differ only in their body.
botocore resolves the endpoint, the fixed headers and the user agent once for each client and operation. For each call
it still validates and serializes the parameters, finds the credentials, signs, and parses errors. The client's own
method opens connections, checks certificates and talks to proxies. A request over a connection that is already open is
written and read here.

This depends on private parts of botocore and urllib3. Whatever they raise, and after a reply that is not a plain one,
the client's own method makes that call and all later ones of the operation.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from botocore import exceptions as aws
from botocore import xform_name
from botocore.parsers import ResponseParserError
from urllib3.exceptions import NewConnectionError
from urllib3.util import parse_url

from sqlprov.aws.transport.cancellable_connections import CallCancelled
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.replies import decode

CHUNK = 1 << 16
"""Most bytes read at once."""
LONGEST_HEAD = 1 << 16
"""Most bytes of a reply's head that are parsed here."""
QUERY = ("query", "ec2")
"""Protocols whose calls are forms."""
STATUSES_WITHOUT_BODY = ("204", "304")
"""Statuses without a body, even if there is a Content-Length."""
PUBLIC_ERRORS = (aws.ClientError, aws.BotoCoreError, ResponseParserError, MalformedReply, CallCancelled)
"""Errors of the service, the network, the credentials or the parameters, which the client's own method raises too."""

WaitingWork = Callable[[], None]
"""Work to do while waiting for the reply; it raises nothing."""
Send = Callable[[Mapping[str, Any], WaitingWork | None], dict[str, Any]]
"""Makes a call with these parameters; the reply has the same shape as that of the client's own method."""
FastSend = Callable[[Mapping[str, Any], WaitingWork | None], dict[str, Any] | None]
"""As `Send`; returns `None` without a call if no connection is open, or only botocore can write the request."""
Reply = tuple[int, dict[str, str], bytes]
"""Status, headers by lower-case name, and body."""

log = logging.getLogger("sqlprov")


def choose_sender(client: Any, operation: str, fast: bool) -> Send:
    """Return a function that calls `operation` through a boto3 client.

    Args:
        client: a boto3 client.
        operation: its name, as in "ListModels".
        fast: whether the fast path is allowed: for reads only, because it bypasses the check that blocks writes.
    """
    if not fast:
        method = getattr(client, xform_name(operation))
        return lambda parameters, _: method(**parameters)
    senders: dict[str, Send] = vars(client).setdefault("sqlprov_senders", {})
    if operation not in senders:
        senders[operation] = _build_sender(client, operation)
    return senders[operation]


def _build_sender(client: Any, operation: str) -> Send:
    method = getattr(client, xform_name(operation))
    fast: FastSend | None = None

    def give_up() -> None:
        nonlocal fast
        log.info("%s: no fast path, or not one with this version of botocore", operation, exc_info=True)
        fast = None

    try:
        fast = _build_fast_path(client, operation)
    except Exception:
        give_up()

    def send(parameters: Mapping[str, Any], while_waiting: WaitingWork | None) -> dict[str, Any]:
        try:
            reply = fast(parameters, while_waiting) if fast else None
        except PUBLIC_ERRORS:
            raise
        except Exception:
            give_up()
            reply = None
        return method(**parameters) if reply is None else reply

    return send


def _build_fast_path(client: Any, operation: str) -> FastSend | None:
    """The fast path of an operation; `None` if its calls differ in more than their body, or go through a proxy."""
    from botocore.auth import _host_from_url
    from botocore.awsrequest import AWSRequest, _urljoin

    model = client.meta.service_model.operation_model(operation)
    if not _is_eligible(client, model):
        return None
    context = {"client_region": client.meta.region_name, "client_config": client.meta.config}
    context |= {"auth_type": model.resolved_auth_type, "unsigned_payload": model.unsigned_payload}
    context |= {"has_streaming_input": False, "auth_options": None}
    endpoint, headers, _ = client._resolve_endpoint_ruleset(model, {}, context)
    url = _urljoin(endpoint, "/", None)  # an endpoint may have a path, or end with a slash
    # With a Host header, the signer need not parse the URL twice for each request.
    fixed = {**headers, "User-Agent": client._user_agent_creator.to_string(), "Host": _host_from_url(url)}
    session = client._endpoint.http_session
    if session._proxy_config.proxy_url_for(url):
        return None
    pool = session._manager.connection_from_url(url)
    timeout: float = pool.timeout.read_timeout
    start = f"POST {parse_url(url).request_uri} HTTP/1.1"
    serialize, sign = client._serializer.serialize_to_request, client._request_signer.sign
    parse = client._response_parser.parse
    after_call = f"after-call.{model.service_model.service_id.hyphenize()}.{operation}"
    is_query = model.service_model.resolved_protocol in QUERY

    def send(parameters: Mapping[str, Any], while_waiting: WaitingWork | None) -> dict[str, Any] | None:
        serialized = serialize(dict(parameters), model)
        body = urlencode(serialized["body"], doseq=True).encode() if is_query else serialized["body"]
        request = AWSRequest("POST", url, {**serialized["headers"], **fixed}, body)
        request.context.update(context)
        sign(operation, request)
        message = _serialize(start, request)
        connection = _take_open_connection(pool) if message else None
        if message is None or connection is None:
            return None
        try:
            status, headers, content = _exchange(connection, message, while_waiting, timeout, url)
        finally:
            pool._put_conn(connection)
        raw = {"status_code": status, "headers": headers, "body": content}
        meta = {"RequestId": headers.get("x-amzn-requestid", ""), "HTTPHeaders": headers}
        reply: dict[str, Any] = {"ResponseMetadata": meta | {"HTTPStatusCode": status}}
        decode(model, raw, reply)
        if status >= 300:
            error = parse(raw, model.output_shape)
            # Only after an error: botocore searches the whole model for its exceptions.
            raise client.exceptions.from_code(error.get("Error", {}).get("Code"))(error, operation)
        if is_query:  # IAM's policies are decoded by such a handler
            client.meta.events.emit(
                after_call, http_response=None, parsed=reply, model=model, context=context
            )
        return reply

    return send


def _is_eligible(client: Any, model: Any) -> bool:
    """Whether calls of this operation differ only in their body."""
    return (
        model.service_model.resolved_protocol in ("json", *QUERY)
        and model.http.get("requestUri") == "/"
        and model.resolved_auth_type in (None, "v4")
        and client.meta.config.signature_version == "v4"
        and model.output_shape is not None
        and not (model.has_streaming_input or model.has_streaming_output or model.has_event_stream_output)
        and not (model.endpoint or model.endpoint_discovery or model.request_compression)
        and not (model.http_checksum or model.http_checksum_required)
        and not (model.context_parameters or model.static_context_parameters)
        and not model.operation_context_parameters
    )


def _take_open_connection(pool: Any) -> Any:
    """A connection of urllib3's pool that is open; `None` if there is none, or the pool is closed."""
    # Not with `_get_conn`: it may open one before botocore has configured the pool's certificates.
    try:
        connection = pool.pool.get(block=False)
    except (AttributeError, queue.Empty):
        return None
    if connection is None or not connection.is_connected:
        pool._put_conn(connection)
        return None
    return connection


def _serialize(start: str, request: Any) -> bytes | None:
    """The request as bytes; `None` if only botocore can write it."""
    body, headers = request.data, request.headers.items()
    if not isinstance(body, bytes) or not all(isinstance(value, str) for _, value in headers):
        return None
    lines = [start, "Accept-Encoding: identity", *(f"{name}: {value}" for name, value in headers)]
    lines += [f"Content-Length: {len(body)}", "", ""]
    head = "\r\n".join(lines)
    # A line break within a value would start another header.
    if not head.isascii() or not head.count("\r") == head.count("\n") == len(lines) - 1:
        return None
    return head.encode("ascii") + body


def _exchange(
    connection: Any, message: bytes, while_waiting: WaitingWork | None, timeout: float, url: str
) -> Reply:
    """Send `message` and read the reply.

    Raises:
        BotoCoreError: the connection failed, as botocore's HTTP session reports it.
    """
    stays_open = False
    try:
        sock: socket.socket = connection.claim_socket()
        if sock.gettimeout() != timeout:
            sock.settimeout(timeout)
        sock.sendall(message)
        if while_waiting:
            while_waiting()
        reply, stays_open = _read(sock)
        return reply
    except NewConnectionError as error:
        raise aws.EndpointConnectionError(endpoint_url=url, error=error) from error
    except TimeoutError as error:
        raise aws.ReadTimeoutError(endpoint_url=url, error=error) from error
    except ssl.SSLError as error:
        raise aws.SSLError(endpoint_url=url, error=error) from error
    except OSError as error:
        raise aws.ConnectionClosedError(endpoint_url=url, error=error) from error
    finally:
        if not stays_open:
            connection.close()


def _read(sock: socket.socket) -> tuple[Reply, bool]:
    """The reply, and whether the connection can be used again.

    Raises:
        OSError: the connection failed.
        MalformedReply: its head was cut off.
        ValueError: it is not a plain reply with one Content-Length.
    """
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        if len(data) > LONGEST_HEAD or b"\n\n" in data:
            raise ValueError("the head of the reply is not a plain one")
        if not (more := sock.recv(CHUNK)):
            raise (
                MalformedReply("the reply was cut off in its head")
                if data
                else ConnectionError("closed by the service")
            )
        data += more
    first, *lines = data[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "")
    version, _, rest = first.partition(" ")
    status = rest[:4].rstrip()
    usual = version == "HTTP/1.1" and len(status) == 3 and status.isdecimal() and status >= "200"
    sized = length.isdecimal() and len(headers) == len(lines) and "transfer-encoding" not in headers
    if not (usual and sized) or status in STATUSES_WITHOUT_BODY:
        raise ValueError(f"the reply is not a plain one: {first}")
    whole = end + 4 + int(length)
    while len(data) < whole and (more := sock.recv(CHUNK)):
        data += more
    # The decoder detects a short body.
    stays_open = len(data) == whole and "close" not in headers.get("connection", "").lower()
    return (int(status), headers, bytes(data[end + 4 : whole])), stays_open
