import uuid

from django.db import models, transaction


class Task(models.Model):
    """Something for the moderators to do: look at what a new user writes."""

    user_id = models.BigIntegerField(db_index=True)
    username = models.CharField(max_length=150)


class Removal(models.Model):
    review_id = models.BigIntegerField()


class SeenEvent(models.Model):
    id = models.CharField(max_length=256, primary_key=True)
    seen_at = models.DateTimeField(auto_now_add=True)


class Subject(models.Model):
    name = models.CharField(max_length=512, primary_key=True)
    sequence = models.BigIntegerField()


class OutgoingEvent(models.Model):
    event_id = models.UUIDField(default=uuid.uuid4)
    type = models.CharField(max_length=256)
    subject = models.CharField(max_length=512)
    time = models.DateTimeField(auto_now_add=True)
    data = models.JSONField()


@transaction.atomic
def remove_review(review_id: int) -> None:
    """The event is committed with the removal, and published afterwards."""
    Removal.objects.create(review_id=review_id)
    OutgoingEvent.objects.create(
        type="moderation.review_removed", subject=f"reviews/{review_id}", data={"review_id": review_id})
