"""moto in this process, behind the local server: its state, and whether it has an operation.

moto is in the extra `local`. It takes a second to import, so it is imported for the first request that needs it.
"""

from __future__ import annotations

import io
import logging
import warnings
from importlib.util import find_spec
from typing import Any

from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.exchange import HttpReply, HttpRequest

logger = logging.getLogger(__name__)

_NOT_IMPLEMENTED = 501


def has_moto() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(name) is not None for name in ("moto", "flask", "flask_cors"))


class MotoApp:
    """moto's server as a WSGI application."""

    def __init__(self) -> None:
        self._app: Any = None

    def answer(self, request: HttpRequest) -> HttpReply | None:
        """moto's reply; `None` if it does not have the operation.

        Raises:
            ApiError: moto failed, as it does where it looks a resource up without a check.
        """
        from botocore.model import OperationNotFoundError
        from werkzeug.exceptions import HTTPException
        from werkzeug.test import run_wsgi_app

        if self._app is None:
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

            self._app = DomainDispatcherApplication(create_backend_app)
        if not self._has_service(request):
            return None
        warnings.filterwarnings("ignore", module=r"moto\.")  # they are about moto's own code
        try:
            chunks, status, headers = run_wsgi_app(self._app, _make_environment(request), buffered=True)
        except (NotImplementedError, OperationNotFoundError, ImportError, HTTPException):
            return None
        except Exception as error:
            logger.info("moto failed in %s", request.path, exc_info=True)
            raise ApiError("MotoFailed", f"moto failed: {type(error).__name__}: {error}.") from error
        body, code, content_type = b"".join(chunks), int(status.split()[0]), headers.get("Content-Type", "")
        if code == _NOT_IMPLEMENTED or (code in (404, 405) and content_type.startswith("text/html")):
            return None
        length = headers.get("Content-Length") if request.method == "HEAD" else None
        return HttpReply(body, content_type, code, _select(headers), int(length) if length else None)

    def _has_service(self, request: HttpRequest) -> bool:
        from moto.backend_index import backend_url_patterns
        from moto.backends import list_of_moto_modules

        environment = _make_environment(request)
        host = self._app.infer_service_region_host(environment, environment["PATH_INFO"]) or ""
        if host in list_of_moto_modules():
            return True
        backend = next(
            (name for name, pattern in backend_url_patterns if pattern.match(f"http://{host}")), None
        )
        # S3's pattern fits every service whose name begins with s3.
        return backend is not None and (backend != "s3" or host.startswith("s3."))


def _make_environment(request: HttpRequest) -> dict[str, Any]:
    """The request as WSGI has it."""
    from urllib.parse import unquote_to_bytes

    path, _, query = request.path.partition("?")
    host, _, port = request.headers.get("host", "").partition(":")
    environment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "RAW_URI": request.path,
        "REQUEST_URI": request.path,
        "QUERY_STRING": query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    return environment | {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in request.headers.items()
        if name not in ("content-length", "content-type")
    }


def _select(headers: Any) -> dict[str, str]:
    """The headers that the server does not set."""
    own = {"content-type", "content-length", "date", "server", "connection", "x-amzn-requestid"}
    return {name: value for name, value in headers.items() if name.lower() not in own}
