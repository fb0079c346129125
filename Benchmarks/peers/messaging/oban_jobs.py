"""For `oban start`."""

import os
from contextlib import asynccontextmanager

from oban import Oban, worker

from ledger import record


@worker(queue="default")
class Record:
    async def process(self, job) -> None:
        record(job.args["enqueued"])


@asynccontextmanager
async def producer():
    async with await Oban.create_pool(os.environ["DATABASE_URL"]) as pool:
        oban = Oban(pool=pool)

        async def enqueue(times: list[int]) -> None:
            await oban.enqueue_many(Record.new({"enqueued": enqueued}) for enqueued in times)

        yield enqueue
