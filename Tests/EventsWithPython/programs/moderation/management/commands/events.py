import os
import threading

import martlet_events
from django.core.management.base import BaseCommand
from django.db import close_old_connections, transaction
from moderation.models import OutgoingEvent, SeenEvent, Subject, Task

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")


class Command(BaseCommand):
    help = "Reads the events of Martlet's accounts, and publishes those of this project."

    def handle(self, **options):
        publishing = [martlet_events.connect(REDIS), "moderation", unpublished, published]
        threading.Thread(target=martlet_events.publish, args=publishing, daemon=True).start()
        martlet_events.read(martlet_events.connect(REDIS), "moderation", "accounts", handle)


def handle(event):
    close_old_connections()
    # The mark of the event and its effect are one commit, so the effect happens once.
    with transaction.atomic():
        if not is_new(event):
            return
        user = event["data"]
        match event["type"]:
            case "accounts.user_registered":
                Task.objects.create(user_id=user["user_id"], username=user["username"])
            case "accounts.user_changed":
                Task.objects.filter(user_id=user["user_id"]).update(username=user["username"])
            case "accounts.user_deleted":
                Task.objects.filter(user_id=user["user_id"]).delete()


def is_new(event):
    _, is_marked = SeenEvent.objects.get_or_create(id=event["id"])
    if not is_marked:
        return False
    subject = Subject.objects.filter(name=event["subject"]).first()
    if subject and event["sequence"] > subject.sequence + 1:
        raise martlet_events.Missing(subject.sequence + 1)
    Subject.objects.update_or_create(name=event["subject"], defaults={"sequence": event["sequence"]})
    return True


def unpublished():
    close_old_connections()
    return [
        {"id": str(event.event_id), "type": event.type, "subject": event.subject, "time": event.time.isoformat(),
         "data": event.data}
        for event in OutgoingEvent.objects.order_by("id")[:100]
    ]


def published(ids):
    OutgoingEvent.objects.filter(event_id__in=ids).delete()
