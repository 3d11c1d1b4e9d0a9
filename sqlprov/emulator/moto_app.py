"""moto in this process, behind the local server: its state, and whether it has an operation.

moto is in the extra `local`. It takes a second to import, so it is imported for the first request that needs it.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import Any

import orjson

from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.exchange import HttpReply, HttpRequest
from sqlprov.emulator.options import ACCOUNT

logger = logging.getLogger(__name__)

starting = logging.getLogger("sqlprov.starting")
"""Says that something is started that takes seconds; front ends show it."""

FAILED = "MotoFailed"
"""The error code of a request at which moto raises an exception."""
REFUSED = "InvalidParameterValue"
"""The error code of a request with a filter that moto does not have, as EC2 answers to an unknown filter."""
WRONG_FILTERS = {
    "DescribeCustomerGateways": {"bgp-asn"},
    "DescribeHosts": {"auto-placement"},
    "DescribeReservedInstancesOfferings": {"duration", "reserved-instances-offering-id"},
    "DescribeTags": {"resource-type"},
    "DescribeTransitGatewayRouteTables": {
        "default-association-route-table",
        "default-propagation-route-table",
    },
    "DescribeVolumesModifications": {"modification-state", "target-iops"},
    "DescribeVpcEndpointServices": {"service-name"},
    "DescribeVpcs": {"dhcp-options-id"},
}
"""Operation of EC2 -> filters with which moto fails, or leaves out rows that pass them; the local AWS refuses them."""
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_FILTER = re.compile(rb"(?:^|&)Filter\.\d+\.Name=([\w.-]+)")
_OF_FILTER = re.compile(r"\bfilter\b", re.IGNORECASE)  # not describe_traffic_mirror_filters
_NOT_IMPLEMENTED = 501
# Target -> members that moto leaves out and that a row needs.
_LEFT_OUT: dict[str, dict[str, Any]] = {
    "TrentService.GetKeyPolicy": {"PolicyName": "default"},
    "AWSStepFunctions.ListMapRuns": {"mapRuns": []},
}


def has_moto() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(name) is not None for name in ("moto", "flask", "flask_cors"))


@cache
def _start() -> Any:
    """moto's server, which has every account."""
    starting.info("The local AWS starts moto, which takes a few seconds.")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


class MotoApp:
    """An account of moto's server as a WSGI application.

    Args:
        account: id.
    """

    def __init__(self, account: str = ACCOUNT) -> None:
        self.account = account

    def answer(self, request: HttpRequest) -> HttpReply | None:
        """moto's reply; `None` if it does not have the operation.

        Raises:
            ApiError: moto failed, as it does where it looks a resource up without a check, or does not have a filter.
        """
        from botocore.model import OperationNotFoundError
        from werkzeug.exceptions import HTTPException
        from werkzeug.test import run_wsgi_app

        app = _start()
        request = replace(request, headers={**request.headers, "x-moto-account-id": self.account})
        if not self._has_service(request):
            return None
        _check_filters(request)
        warnings.filterwarnings("ignore", module=r"moto\.")  # they are about moto's own code
        try:
            chunks, status, headers = run_wsgi_app(app, _make_environment(request), buffered=True)
        except NotImplementedError as error:
            if _OF_FILTER.search(str(error)):
                raise ApiError(REFUSED, f"moto: {error}") from error
            return None
        except (OperationNotFoundError, ImportError, HTTPException):
            return None
        except Exception as error:
            logger.info("moto failed in %s", request.path, exc_info=True)
            raise ApiError(FAILED, f"moto failed: {type(error).__name__}: {error}.") from error
        body, code, content_type = b"".join(chunks), int(status.split()[0]), headers.get("Content-Type", "")
        if code == _NOT_IMPLEMENTED or (code in (404, 405) and content_type.startswith("text/html")):
            return None
        if code == 200 and (left_out := _LEFT_OUT.get(request.headers.get("x-amz-target", ""))):
            body = orjson.dumps(left_out | orjson.loads(body))
        length = headers.get("Content-Length") if request.method == "HEAD" else None
        return HttpReply(body, content_type, code, _select(headers), int(length) if length else None)

    def _has_service(self, request: HttpRequest) -> bool:
        from moto.backend_index import backend_url_patterns
        from moto.backends import list_of_moto_modules

        environment = _make_environment(request)
        host = _start().infer_service_region_host(environment, environment["PATH_INFO"]) or ""
        if host in list_of_moto_modules():
            return True
        backend = next(
            (name for name, pattern in backend_url_patterns if pattern.match(f"http://{host}")), None
        )
        # S3's pattern fits every service whose name begins with s3.
        return backend is not None and (backend != "s3" or host.startswith("s3."))


def _check_filters(request: HttpRequest) -> None:
    """Refuse filters with which moto leaves rows out."""
    action = _ACTION.search(request.body)
    wrong = WRONG_FILTERS.get(action[1].decode(), ()) if action else ()
    for name in _FILTER.findall(request.body) if wrong else ():
        if name.decode() in wrong:
            raise ApiError(REFUSED, f"The filter {name.decode()} is wrong in moto.")


def _make_environment(request: HttpRequest) -> dict[str, Any]:
    """The request as WSGI has it."""
    from werkzeug.test import EnvironBuilder

    host = request.headers.get("host") or "localhost"
    body, errors = io.BytesIO(request.body), io.StringIO()
    builder = EnvironBuilder(
        request.path,
        f"http://{host}",
        method=request.method,
        headers=request.headers.items(),
        input_stream=body,
        errors_stream=errors,
    )
    return builder.get_environ()


def _select(headers: Any) -> dict[str, str]:
    """The headers that the server does not set."""
    own = {"content-type", "content-length", "date", "server", "connection", "x-amzn-requestid"}
    return {name: value for name, value in headers.items() if name.lower() not in own}
