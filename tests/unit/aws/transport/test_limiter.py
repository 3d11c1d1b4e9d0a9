"""The rate limit of a throttled service: measured, a little above the accepted rate, and dropped in time."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from emulator_calls import EXPERIMENTS

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.limiter import MARGIN, Limiter
from sqlprov.emulator import Emulator


class SlowService:
    """A clock, and a service that accepts `rate` calls a second, from a bucket of one second's calls."""

    def __init__(self, rate: float) -> None:
        self.now = self.at = 0.0
        self.rate = self.left = rate

    def clock(self) -> float:
        return self.now

    def accepts(self) -> bool:
        self.left = min(self.rate, self.left + (self.now - self.at) * self.rate)
        self.at = self.now
        if self.left < 1:
            return False
        self.left -= 1
        return True


def make(service: SlowService, limiter: Limiter, calls: int, width: int = 16) -> tuple[float, int]:
    """The seconds and refusals of `calls` calls, `width` at once, 10 ms each."""
    start, refused = service.now, 0
    ready = [(service.now + limiter.reserve(), n) for n in range(width)]
    done = 0
    while done < calls:
        at, caller = min(ready)
        ready.remove((at, caller))
        service.now = max(service.now, at)
        if service.accepts():
            limiter.note_accepted()
            done += 1
        else:
            limiter.note_throttled()
            refused += 1
        ready.append((service.now + 0.01 + limiter.reserve(), caller))
    return service.now - start, refused


@pytest.mark.parametrize("rate", [5, 20, 100])
def test_a_throttled_service_is_used_fully_and_refuses_few_calls(rate: int) -> None:
    service = SlowService(rate)
    limiter = Limiter(service.clock)
    calls = rate * 60
    seconds, refused = make(service, limiter, calls)
    assert seconds <= (calls - rate) / rate * 1.1
    assert refused <= calls * (MARGIN - 1) * 2 + 40


def test_a_single_refusal_sets_no_limit() -> None:
    service = SlowService(1000)
    limiter = Limiter(service.clock)
    make(service, limiter, 50)
    limiter.note_throttled()
    assert limiter.rate is None
    assert limiter.reserve() == 0


def test_the_limit_is_dropped_when_the_service_recovers() -> None:
    service = SlowService(20)
    limiter = Limiter(service.clock)
    make(service, limiter, 200)
    assert limiter.rate is not None
    service.rate = 10_000
    seconds, _ = make(service, limiter, 5_000)
    assert limiter.rate is None
    assert seconds < 60


def test_callers_start_in_the_order_of_their_reservations() -> None:
    service = SlowService(10)
    limiter = Limiter(service.clock)
    make(service, limiter, 30)
    turns = [limiter.reserve() for _ in range(10)]
    assert turns == sorted(turns)
    assert len(set(turns)) == 10


def test_concurrent_statements_share_the_limit(em: Emulator, con: Any) -> None:
    em.fill(60)
    em.options.throttle = 40
    rows: list[int] = []

    def ask() -> None:
        with con.cursor() as cursor:
            rows.append(len(cursor.sql(f"SELECT name, arn FROM {EXPERIMENTS}").fetchall()))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert rows == [60, 60, 60]
    refused = sum(call.error == "ThrottlingException" for call in em.calls)
    assert refused < 180, "nobody slowed down"


def test_connections_to_one_account_share_the_limit_and_others_do_not(em: Emulator) -> None:
    one, two = Cloud(endpoint_url=em.url), Cloud(endpoint_url=em.url)
    other = Cloud(endpoint_url=em.url, profile="other")
    limiter = one.get_limiter("sagemaker", "us-east-1")
    assert two.get_limiter("sagemaker", "us-east-1") is limiter
    assert other.get_limiter("sagemaker", "us-east-1") is not limiter
    assert one.get_limiter("sagemaker", "eu-west-1") is not limiter
    assert one.get_limiter("sts", "us-east-1") is not limiter


def test_profiles_of_one_account_share_the_limit_once_the_account_is_known() -> None:
    one, two, other = (Cloud(profile=name) for name in ("one", "two", "other"))
    limiter = one.get_limiter("sagemaker", "us-east-1")
    assert two.get_limiter("sagemaker", "us-east-1") is not limiter
    one.account_id = two.account_id = "111111111111"
    other.account_id = "222222222222"
    assert one.get_limiter("sagemaker", "us-east-1") is limiter
    assert two.get_limiter("sagemaker", "us-east-1") is limiter
    assert other.get_limiter("sagemaker", "us-east-1") is not limiter
