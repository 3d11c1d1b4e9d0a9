"""A read in, botocore's reply out, without what botocore does anew for each call although it comes out the same.

Endpoint and signing are settled by botocore once for each client and operation; it still checks and serializes the
parameters, finds the credentials, signs, sends and reads errors. That is two thirds of the CPU of its own way, and
only for what is the same in every call: JSON with its parameters in the body. All else goes its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from botocore import xform_name

from sqlprov.aws.transport.exchange import Meanwhile, build_exchange
from sqlprov.aws.transport.replies import decode

Send = Callable[[Mapping[str, Any], Meanwhile | None], dict[str, Any]]
_shorts: WeakKeyDictionary[Any, dict[str, Send | None]] = WeakKeyDictionary()


def choose_sender(client: Any, operation: str, direct: bool) -> Send:
    """What makes one call of `operation` through a boto3 client; its reply is as the client's own method gives it.

    What it is given beside the parameters is run while the reply is waited for, where that can be.

    Args:
        direct: whether the short way may be taken: only for reads, because what guards writes is not on it.
    """
    if direct:
        known = _shorts.setdefault(client, {})
        if operation not in known:
            known[operation] = _build_fast_path(client, operation)
        if short := known[operation]:
            return short
    method = getattr(client, xform_name(operation))
    return lambda parameters, _: method(**parameters)


def _build_fast_path(client: Any, operation: str) -> Send | None:
    """`None` if the operation is not of the kind, or this botocore is made differently."""
    from botocore.awsrequest import AWSRequest

    model = client.meta.service_model.operation_model(operation)
    if not _is_eligible(client, model):
        return None
    context = {"client_region": client.meta.region_name, "client_config": client.meta.config}
    context |= {"auth_type": model.resolved_auth_type, "unsigned_payload": model.unsigned_payload}
    context |= {"has_streaming_input": False, "auth_options": None}
    try:
        from botocore.auth import _host_from_url
        from botocore.awsrequest import _urljoin

        endpoint, headers, _ = client._resolve_endpoint_ruleset(model, {}, context)
        serialize = client._serializer.serialize_to_request
        sign = client._request_signer.sign
        # An endpoint may have a path of its own, or end with a slash.
        url = _urljoin(endpoint, "/", None)
        exchange = build_exchange(client._endpoint.http_session, url)
        agent = client._user_agent_creator.to_string()
        parser = client._response_parser
        host = _host_from_url(url)
    except (AttributeError, ImportError):
        return None
    # The signer would find it out twice for each request.
    fixed = {**headers, "User-Agent": agent, "Host": host}
    body = model.output_shape

    def send(parameters: Mapping[str, Any], meanwhile: Meanwhile | None) -> dict[str, Any]:
        made = serialize(dict(parameters), model)
        request = AWSRequest("POST", url, {**made["headers"], **fixed}, made["body"])
        request.context.update(context)
        sign(operation, request)
        status, replied, content = exchange(request, meanwhile)
        reply = {"status_code": status, "headers": replied, "body": content}
        found: dict[str, Any] = {}
        decode(model, reply, found)
        if status >= 300:
            told = parser.parse(reply, body)
            # Not before an error: botocore goes through the whole model for its classes.
            raise client.exceptions.from_code(told.get("Error", {}).get("Code"))(told, operation)
        found["ResponseMetadata"] = {
            "RequestId": replied.get("x-amzn-requestid", ""),
            "HTTPStatusCode": status,
            "HTTPHeaders": replied,
        }
        return found

    return send


def _is_eligible(client: Any, model: Any) -> bool:
    """Whether calls of this operation differ in their body only."""
    return (
        model.service_model.resolved_protocol == "json"
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
