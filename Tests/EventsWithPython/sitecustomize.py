"""Kills a program of the test with SIGKILL at a chosen moment: `DIE_BEFORE=xack:3` when it is about to acknowledge the third
event, `DIE_AFTER=xreadgroup:1` when it has received the first batch."""

import os

moments = {when: os.environ.get(f"DIE_{when}") for when in ("BEFORE", "AFTER")}
if any(moments.values()):
    import signal

    import redis

    def die_at(method: str, count: int, is_before: bool) -> None:
        original = getattr(redis.Redis, method)
        calls = iter(range(1, count + 1))

        def call(self, *arguments, **options):
            is_last = next(calls, count) == count
            if is_last and is_before:
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(self, *arguments, **options)
            if is_last and result:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(redis.Redis, method, call)

    for when, moment in moments.items():
        if moment:
            method, count = moment.split(":")
            die_at(method, int(count), when == "BEFORE")
