"""The local SageMaker alone: a port in, one line that points any AWS client at it out."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from sqlprov.emulator.emulator import Emulator
from sqlprov.emulator.options import Options


def serve(port: int, state: Path | None, options: Options) -> None:
    """Serve until SIGINT or SIGTERM; prints one line, which a shell can run, to stdout.

    Call it from the main thread: only there can signals be caught.

    Args:
        port: 0 takes a free one.
        state: SQLite file that keeps the resources; None keeps them in memory.
    """
    ended = threading.Event()
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Emulator(options, state=state, port=port) as emulator:
            emulator.record_calls(False)
            print(
                f"export AWS_ENDPOINT_URL={emulator.url} AWS_REGION=us-east-1 "
                "AWS_DEFAULT_REGION=us-east-1 "  # boto3 reads this one, other clients the first
                "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local",
                flush=True,
            )
            ended.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
