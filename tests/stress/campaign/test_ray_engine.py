"""The Ray engine with a stand-in for Ray: what is made of Ray's answers and errors, without Ray."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from lparvm.errors import UsageError
from lparvm.stress.campaign import on_ray
from lparvm.stress.campaign.model import Campaign, Chunk
from lparvm.stress.campaign.on_ray import RayEngine
from lparvm.stress.campaign.pool import PoolEngine
from lparvm.stress.campaign.running import run_campaign
from lparvm.stress.verdict import SeedJob

SEEDS = 10


class RayError(Exception):
    """Ray's own trouble, such as a lost node."""


class RayTaskError(RayError):
    """A task has raised."""

    def __init__(self, cause: Exception):
        super().__init__(str(cause))
        self.cause = cause


class StandIn:
    """As much of Ray as the engine uses; a task runs when its result is asked for."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self):
        self.initialized: dict[str, Any] | None = None
        self.tasks: dict[str, Any] = {}
        self.cancelled: list[str] = []
        self.trouble: dict[str, Exception] = {}

    def is_initialized(self) -> bool:
        return self.initialized is not None

    def init(self, **options: Any) -> None:
        if "init" in self.trouble:
            raise self.trouble["init"]
        self.initialized = options

    def shutdown(self) -> None:
        self.initialized = None

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 3.0}

    def remote(self, **options: Any) -> Any:
        assert options == {"num_cpus": 1, "max_retries": 3}
        return lambda function: SimpleNamespace(remote=lambda *given: self._begin(function, given))

    def _begin(self, function: Any, given: Any) -> str:
        reference = f"task {len(self.tasks)}"
        self.tasks[reference] = (function, given)
        return reference

    def wait(self, references: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        assert references, "Ray refuses to wait for nothing"
        assert num_returns == 1
        assert timeout > 0
        if "wait" in self.trouble:
            raise self.trouble["wait"]
        return references[:1], references[1:]

    def get(self, reference: str) -> Any:
        if "get" in self.trouble:
            raise self.trouble.pop("get")
        function, given = self.tasks[reference]
        try:
            return function(*given)
        except Exception as error:
            raise RayTaskError(error) from error

    def cancel(self, reference: str, *, force: bool) -> None:
        assert force
        self.cancelled.append(reference)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    ray = StandIn()
    monkeypatch.setitem(sys.modules, "ray", ray)
    return ray


@pytest.fixture(autouse=True)
def _no_worker_is_left():
    yield
    while on_ray._kept:
        on_ray._kept.popitem()[1].close()


def test_the_digest_is_the_pools_and_a_seed_that_kills_its_process_is_named(ray: StandIn):
    with RayEngine("fake_runners:leaving", 2) as engine:
        on_cluster = run_campaign(Campaign(0, SEEDS), engine)
    with PoolEngine("fake_runners:leaving", 1) as engine:
        in_pool = run_campaign(Campaign(0, SEEDS), engine)
    assert on_cluster.digest == in_pool.digest
    assert on_cluster.failing(9) == in_pool.failing(9)
    assert not ray.is_initialized(), "a cluster that was started for the campaign ends with it"


def test_what_ray_has_lost_is_run_again(ray: StandIn):
    ray.trouble["get"] = RayError("the node died\nmore")
    with RayEngine("fake_runners:passing", 1) as engine:
        totals = run_campaign(Campaign(0, 3), engine)
    assert (totals.seeds, totals.failures, totals.workers_lost) == (3, 0, 1)


def test_a_worker_process_is_kept_for_the_next_task_and_a_dead_one_is_not(ray: StandIn):
    with RayEngine("fake_runners:passing", 1) as engine:
        for seed in (1, 2):
            engine.start(Chunk((SeedJob(seed),)))
            (outcome,) = engine.finished(1)
            assert [verdict.seed for verdict in outcome.verdicts] == [seed]
    (worker,) = on_ray._kept.values()
    worker.close()
    with RayEngine("fake_runners:passing", 1) as engine:
        engine.start(Chunk((SeedJob(3),)))
        assert engine.finished(1)[0].loss is None


def test_a_node_that_cannot_run_the_campaign_ends_it(ray: StandIn):
    with RayEngine("fake_runners:nothing", 1) as engine:
        engine.start(Chunk((SeedJob(1),)))
        with pytest.raises(UsageError, match="a node can't run this campaign: runner 'fake_runners:nothing'"):
            engine.finished(1)


def test_another_lparvm_on_a_node_is_refused(ray: StandIn):
    with RayEngine("fake_runners:passing", 1) as engine:
        engine._source = "another"
        engine.start(Chunk((SeedJob(1),)))
        with pytest.raises(UsageError, match="its lparvm has another source"):
            engine.finished(1)


def test_a_cluster_that_was_lost_is_told_in_one_line(ray: StandIn):
    ray.trouble["wait"] = RayError("the head died\nmore")
    with RayEngine("fake_runners:passing", 1) as engine:
        engine.start(Chunk((SeedJob(1),)))
        with pytest.raises(UsageError, match=r"the cluster was lost: the head died$"):
            engine.finished(1)
    assert ray.cancelled == ["task 0"]


@pytest.mark.parametrize("address", [None, "auto"])
def test_a_cluster_that_is_not_there_is_told_in_one_line(address: str | None, ray: StandIn):
    ray.trouble["init"] = ConnectionError("nobody\nmore")
    where = address or "on this machine"
    with pytest.raises(UsageError, match=f"no cluster (at )?{where}: nobody$"), RayEngine("a:b", 1, address):
        pass


def test_a_cluster_of_its_own_is_local_and_one_at_an_address_has_as_many_slots_as_cores(ray: StandIn):
    with RayEngine("a:b", 2) as engine:
        assert ray.initialized is not None
        assert (ray.initialized["address"], ray.initialized["num_cpus"]) == ("local", 2)
        assert engine.slots == 2
    with RayEngine("a:b", None, "auto") as engine:
        assert ray.initialized is not None
        assert ray.initialized["address"] == "auto"
        assert "num_cpus" not in ray.initialized, "Ray refuses that with an address"
        assert engine.slots == 3


def test_a_connection_that_was_there_before_stays(ray: StandIn):
    ray.init(address="mine")
    with RayEngine("a:b", 2):
        pass
    assert ray.initialized == {"address": "mine"}
