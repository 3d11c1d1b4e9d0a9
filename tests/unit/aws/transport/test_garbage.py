"""Each test has its own process: the threshold is the process's, and another test's thread may still run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sqlprov.aws.transport.garbage import RARELY

NESTED = """
with collect_rarely():
    with collect_rarely():
        show()
    show()
"""
CHANGED = """
with collect_rarely():
    gc.set_threshold(900)
"""
OFF = """
gc.disable()
with collect_rarely():
    print(gc.isenabled())
print(gc.isenabled())
"""
POOL = """
import threading
from sqlprov.aws.transport.pool import Pool
pool, tasks, threads = Pool(1), threading.Semaphore(0), []
def work():
    show()
    threads.append(threading.current_thread())
    tasks.release()
pool.submit(work)
tasks.acquire()
pool.close()
threads[0].join()
"""


@pytest.mark.parametrize(
    ("usual", "code", "seen"),
    [
        (700, NESTED, [RARELY, RARELY, 700]),
        (500_000, NESTED, [500_000, 500_000, 500_000]),
        (0, NESTED, [0, 0, 0]),
        (700, CHANGED, [900]),
        (700, OFF, [False, False, 700]),
        (700, POOL, [RARELY, 700]),
    ],
)
def test_garbage_is_searched_rarely_while_a_thread_reads_and_as_before_afterwards(
    usual: int, code: str, seen: list[int]
) -> None:
    head = f"""
import gc
from sqlprov.aws.transport.garbage import collect_rarely
def show(): print(gc.get_threshold()[0])
gc.set_threshold({usual})
"""
    command = [sys.executable, "-W", "error", "-c", f"{head}{code}\nshow()"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(map(str, seen))
