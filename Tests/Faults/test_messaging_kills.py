"""Processes that are killed at random while they count: no event is lost, none has an effect twice, each is in order."""

import os
import random
import time

import pytest

from chaos import Clients, Killer, setting

EVENTS, KILLS = int(setting("events", 3000)), int(setting("kills", 6))


def run(platform, killer: Killer) -> None:
    """Kills processes while clients count, spread over all events."""
    with Clients(platform) as clients:
        for _ in range(KILLS):
            clients.emit(EVENTS // KILLS, timeout=300)
            killer.kill()
            # Often while it starts, when it takes over what the last one left.
            time.sleep(killer.choice.uniform(0, 1.5))
    for instance in platform.instances:
        instance.wait()
    platform.settle(timeout=300)


@pytest.fixture
def seed(record_property) -> int:
    seed = int(os.environ.get("MARTLET_TEST_SEED", random.randrange(1 << 32)))
    print(f"MARTLET_TEST_SEED={seed}")
    return seed


def test_one_process_on_sqlite(sqlite_platform, seed):
    sqlite_platform.add()
    run(sqlite_platform, Killer(sqlite_platform.instances, seed))


def test_processes_with_all_services_on_postgres(postgres_platform, seed):
    for _ in range(3):
        postgres_platform.add()
    run(postgres_platform, Killer(postgres_platform.instances, seed))


@pytest.mark.parametrize("broker", ["postgres", "redis"])
def test_processes_with_one_service_each(postgres_platform, redis, broker, seed):
    instances = postgres_platform.add_apart(redis, broker, ["source", "sink", "source", "sink"])
    run(postgres_platform, Killer(instances, seed))
