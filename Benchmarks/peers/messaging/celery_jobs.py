"""For `celery worker`. Set as the guide "Optimizing" recommends for many short tasks; results are not kept."""

import os
from contextlib import asynccontextmanager

from celery import Celery

from ledger import record

app = Celery("celery_jobs", broker=os.environ["REDIS_URL"])
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=128, broker_connection_retry_on_startup=True)


@app.task
def job(enqueued: int) -> None:
    record(enqueued)


@asynccontextmanager
async def producer():
    with app.producer_pool.acquire(block=True) as connection:
        async def enqueue(times: list[int]) -> None:
            for enqueued in times:
                job.apply_async((enqueued,), producer=connection)

        yield enqueue
