"""Campaigns on a real Ray on this machine; left out where Ray is not installed. Without it, one line says so."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lparvm.errors import UsageError
from lparvm.stress.campaign import on_ray
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.on_ray import RayEngine
from lparvm.stress.campaign.pool import PoolEngine
from lparvm.stress.campaign.running import run_campaign
from lparvm.stress.campaign.totals import Totals

SEEDS = 20
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


def test_without_ray_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"Ray is not installed; pip install 'lparvm\[ray\]'"):
        RayEngine("fake_runners:passing", 2)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1", "127.0.0.1:99999"])
def test_an_address_where_nobody_answers_is_told_at_once(address: str):
    with pytest.raises(UsageError, match="engine ray: no cluster at ") as caught:
        on_ray._check_address(address)
    assert address in str(caught.value)


@pytest.mark.parametrize("address", ["auto", "local", "nonsense"])
def test_words_are_for_ray_to_judge(address: str):
    on_ray._check_address(address)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Ray on this machine, with an empty file name that runners may use to do something once only."""
    ray = pytest.importorskip("ray")
    marker = tmp_path_factory.mktemp("ray") / "marker"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_RUNNER_MARKER", str(marker))
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        yield marker
        ray.shutdown()


def on_the_cluster(runner: str) -> Totals:
    with RayEngine(f"fake_runners:{runner}", 2) as engine:
        return run_campaign(Campaign(0, SEEDS), engine)


def in_the_pool(runner: str) -> Totals:
    with PoolEngine(f"fake_runners:{runner}", 2) as engine:
        return run_campaign(Campaign(0, SEEDS), engine)


@with_ray
@pytest.mark.parametrize("runner", ["failing", "leaving"])
@pytest.mark.filterwarnings("ignore")  # of Ray
def test_the_digest_is_the_pools(runner: str, cluster: Path):
    on_cluster, in_pool = on_the_cluster(runner), in_the_pool(runner)
    assert on_cluster.digest == in_pool.digest
    assert on_cluster.failing(9) == in_pool.failing(9)
    assert on_cluster.failures


@with_ray
@pytest.mark.filterwarnings("ignore")
def test_a_process_of_rays_that_dies_is_tried_again(cluster: Path):
    totals = on_the_cluster("kills_its_parent_once")
    assert cluster.exists(), "nobody was killed"
    assert (totals.seeds, totals.failures) == (SEEDS, 0)


@with_ray
@pytest.mark.filterwarnings("ignore")
def test_a_node_with_another_lparvm_is_refused(cluster: Path):
    with RayEngine("fake_runners:passing", 2) as engine:
        engine._source = "another"
        with pytest.raises(UsageError, match="a node can't run this campaign: its lparvm has another source"):
            run_campaign(Campaign(0, SEEDS), engine)
