"""For `procrastinate worker`. The pool has a connection for each job, as the guide recommends for short jobs."""

import os
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector

from ledger import record

CONCURRENCY = 30
app = App(connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"], max_size=CONCURRENCY + 1))


@app.task
async def job(enqueued: int) -> None:
    record(enqueued)


@asynccontextmanager
async def producer():
    async with app.open_async():
        async def enqueue(times: list[int]) -> None:
            await job.batch_defer_async(*({"enqueued": enqueued} for enqueued in times))

        yield enqueue
