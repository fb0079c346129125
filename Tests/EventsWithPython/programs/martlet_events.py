"""Reads and publishes events in Redis Streams as Martlet does: CloudEvents 1.0, a field for each attribute."""

import json
import logging
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)


class Missing(Exception):
    """Raised by a handler that lacks earlier events of the subject, from this number on."""

    def __init__(self, first: int):
        super().__init__(f"the subject's events from {first} on are missing")
        self.first = first


def connect(url: str) -> redis.Redis:
    # Without retries in the client: events whose delivery failed are pending, and must be read again as such.
    return redis.Redis.from_url(
        url, decode_responses=True, protocol=2, socket_timeout=10, retry=Retry(NoBackoff(), 0))


def read(client: redis.Redis, group: str, source: str, handle) -> None:
    """Calls `handle` with every event of a source, in order, for as long as the process lives.

    An event is acknowledged when `handle` has returned. One that fails is tried again, and the later ones wait.
    """
    stream = f"martlet:events:{source}"
    after = "0"  # Begin with what was delivered before a crash and not acknowledged.
    while True:
        try:
            reply = client.xreadgroup(group, "reader", {stream: after}, count=100, block=2000)
            entries = reply[0][1] if reply else []
            if not entries:
                after = ">"
            for entry, fields in entries:
                if fields:
                    deliver(client, source, fields, handle)
                client.xack(stream, group, entry)
        except Exception as error:
            if str(error).startswith(("NOGROUP", "UNBLOCKED")):
                subscribe(client, group, source)
            else:
                log.exception("events of %s wait", source)
                time.sleep(1)
            after = "0"


def deliver(client: redis.Redis, source: str, fields: dict, handle) -> None:
    event = fields | {"data": json.loads(fields["data"]), "sequence": int(fields["sequence"])}
    try:
        handle(event)
    except Missing as missing:
        # The source publishes them again, and this event after them.
        log.warning("%s: %s", event["subject"], missing)
        request = {"subject": event["subject"], "from": missing.first}
        client.rpush(f"martlet:requests:{source}", json.dumps(request))


def subscribe(client: redis.Redis, group: str, source: str) -> None:
    """Creates the group at the beginning of the stream. From now on, what it has not acknowledged is kept."""
    client.sadd(f"martlet:subscribers:{source}", group)
    try:
        client.xgroup_create(f"martlet:events:{source}", group, id="0", mkstream=True)
    except redis.ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def publish(client: redis.Redis, source: str, unpublished, published) -> None:
    """Publishes the events of an outbox, for as long as the process lives.

    unpublished: returns the oldest ones. published: is called with their ids, and removes them.
    """
    while True:
        try:
            events = unpublished()
            for event in events:
                # After a crash, some are published twice, with the same id. Martlet drops them the second time.
                client.xadd(f"martlet:events:{source}", {
                    "specversion": "1.0", "id": event["id"], "source": source, "type": event["type"],
                    "subject": event["subject"], "time": event["time"], "datacontenttype": "application/json",
                    "data": json.dumps(event["data"])})
            if events:
                published([event["id"] for event in events])
            else:
                time.sleep(0.5)
        except Exception:
            log.exception("events to publish wait")
            time.sleep(1)
