"""Hosts side by side, each asked one thing after the other."""

import threading
import time
from collections import defaultdict
from contextlib import closing

import pytest

from goodsight.collecting.crew import IN_A_ROW, Crew
from goodsight.collecting.terms import NotFetched, Stopped

Job = tuple[str, int]
JOBS: list[Job] = [(host, n) for n in range(6) for host in "abc"]


def _host(job: Job) -> str:
    return job[0]


def test_each_host_in_its_order_and_never_twice_at_a_time() -> None:
    busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def fetch(job: Job) -> int:
        assert busy[job[0]].acquire(blocking=False), "two ask the same host"
        time.sleep(0.001)
        busy[job[0]].release()
        return job[1]

    found = list(Crew(3, threading.Event()).results(JOBS, _host, fetch))
    assert sorted(job for job, _ in found) == sorted(JOBS)
    for host in "abc":
        assert [got for job, got in found if job[0] == host] == list(range(6))


def test_hosts_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)  # opens only when three are at it
    found = list(Crew(3, threading.Event()).results(JOBS[:3], _host, lambda job: together.wait()))
    assert sorted(str(got) for _, got in found) == ["0", "1", "2"]


def test_no_more_at_a_time_than_there_are_workers() -> None:
    names = set()

    def fetch(job: Job) -> None:
        names.add(threading.current_thread().name)

    assert len(list(Crew(2, threading.Event()).results(JOBS, _host, fetch))) == len(JOBS)
    assert len(names) <= 2


def test_a_host_that_fails_in_a_row_is_given_up() -> None:
    def fetch(job: Job) -> int:
        if job[0] == "down":
            raise NotFetched("HTTP 500", again=True)
        raise NotFetched("HTTP 404")

    jobs = [(host, n) for host in ("down", "picky") for n in range(IN_A_ROW + 2)]
    found = list(Crew(1, threading.Event()).results(jobs, _host, fetch))
    said = [got.reason[:9] for _, got in found if isinstance(got, NotFetched)]
    assert said == ["HTTP 500"] * IN_A_ROW + ["not asked"] * 2 + ["HTTP 404"] * (IN_A_ROW + 2)


def test_a_fault_comes_out_and_stops_all() -> None:
    def fetch(job: Job) -> int:
        raise ZeroDivisionError

    stop = threading.Event()
    with pytest.raises(ZeroDivisionError), closing(Crew(2, stop).results(JOBS, _host, fetch)) as results:
        next(results)
    assert stop.is_set()


def test_leaving_early_ends_the_threads() -> None:
    stop, before = threading.Event(), threading.active_count()

    def fetch(job: Job) -> int:
        if stop.wait(0.001):
            raise Stopped
        return 1

    with closing(Crew(2, stop).results(JOBS * 50, _host, fetch)) as results:
        next(results)
    limit = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < limit:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert list(Crew(2, threading.Event()).results([], _host, fetch)) == []
