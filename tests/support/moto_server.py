"""Starts moto's server. moto keeps its state for the process, so each start empties it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from moto.core.config import default_user_config
from moto.moto_api import state_manager
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import InternalServerError, NotImplemented
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

_ENDLESS = "support::case"
"""Its states are a circle, which moto would follow without an end."""


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None: ...


_REFUSAL = """<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>{}</Message></Error></Errors>
<RequestID>refused</RequestID></Response>"""
"""EC2's reply to a filter that it does not have."""


class _Moto:
    """moto, which raises for an operation or a filter that it does not have; here that is a reply, and so is its
    failure.

    Args:
        observe: gets each request as WSGI has it.
    """

    def __init__(self, observe: Callable[[dict[str, Any]], None] | None) -> None:
        self._app, self._observe = DomainDispatcherApplication(create_backend_app), observe

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self._observe is not None:
            self._observe(environ)
        try:
            return self._app(environ, start_response)
        except NotImplementedError as error:
            if re.search(r"\bfilter\b", str(error), re.IGNORECASE):
                return Response(_REFUSAL.format(error), 400)(environ, start_response)
            return NotImplemented(str(error))(environ, start_response)
        except Exception as error:
            return InternalServerError(f"{type(error).__name__}: {error}")(environ, start_response)


@contextmanager
def start_moto(observe: Callable[[dict[str, Any]], None] | None = None) -> Iterator[str]:
    """moto on a free port of loopback; gives its URL. It runs no containers.

    Args:
        observe: gets each request as WSGI has it, on the thread that answers it.
    """
    before = dict(default_user_config)
    default_user_config.update({"batch": {"use_docker": False}, "lambda": {"use_docker": False}})
    server = make_server("127.0.0.1", 0, _Moto(observe), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    reset = Request(f"{url}/moto-api/reset", method="POST")
    try:
        urlopen(reset).close()
        yield url
        # The local AWS of later tests shares moto's state, and what it runs in containers.
        urlopen(reset).close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        default_user_config.update(before)


@contextmanager
def skip_states() -> Iterator[None]:
    """Resources of moto are ready at once; otherwise reading them moves them to their next state."""
    models = [name for name in state_manager.get_registered_models() if name != _ENDLESS]
    for model in models:
        state_manager.set_transition(model, {"progression": "immediate"})
    try:
        yield
    finally:
        for model in models:
            state_manager.unset_transition(model)
