"""For `pgq run`. On asyncpg, its fastest driver, with a pool, as the guide "Performance Tuning" recommends."""

import os
from contextlib import asynccontextmanager

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from ledger import record


@asynccontextmanager
async def worker():
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=20) as pool:
        queue = PgQueuer(AsyncpgPoolDriver(pool))

        @queue.entrypoint("job")
        async def job(job: Job) -> None:
            record(int(job.payload))

        yield queue


@asynccontextmanager
async def producer():
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=1) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))

        async def enqueue(times: list[int]) -> None:
            payloads = [str(enqueued).encode() for enqueued in times]
            await queries.enqueue(["job"] * len(times), payloads, [0] * len(times))

        yield enqueue
