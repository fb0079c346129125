"""Enqueues jobs that carry the time: `enqueue.py MODULE COUNT` in batches, `… COUNT RATE` one by one."""

import asyncio
import importlib
import sys
import time

BATCH = 1000


async def at_once(enqueue, count: int) -> None:
    for first in range(0, count, BATCH):
        await enqueue([time.time_ns()] * min(BATCH, count - first))


async def at_rate(enqueue, count: int, rate: float) -> None:
    began = time.monotonic()
    for number in range(count):
        await asyncio.sleep(began + number / rate - time.monotonic())
        await enqueue([time.time_ns()])


async def main(module: str, count: str, rate: str = "") -> None:
    async with importlib.import_module(module).producer() as enqueue:
        await (at_rate(enqueue, int(count), float(rate)) if rate else at_once(enqueue, int(count)))


asyncio.run(main(*sys.argv[1:]))
