"""What the desk itself remembers. Videos, scores and labels are the lake's; here is what people did and do."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

LABELS = (("fake", "fake"), ("real", "authentic"), ("unsure", "unsure"))


class Decision(models.Model):
    """What a person decided, durable at once; the writer takes it to the lake's `labels` (service/decisions.py).

    waiting:  within the time to undo, or for a second person
    written:  in `labels`, as (video_id, labelled_by, labelled_at = at): that key makes a repeated write harmless
    undone:   taken back in time; it was never a label
    disputed: two people differ; a third one's word settles it
    outvoted: it was settled otherwise
    """

    STATES = [(state, state) for state in ("waiting", "written", "undone", "disputed", "outvoted")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    video_id = models.CharField(max_length=64, db_index=True)
    label = models.CharField(max_length=8, choices=LABELS)
    note = models.TextField(blank=True, max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    state = models.CharField(max_length=8, choices=STATES, default="waiting", db_index=True)
    written_at = models.DateTimeField(null=True)
    band = models.CharField(max_length=16, blank=True)  # what the model said then
    p_fake = models.FloatField(null=True)

    class Meta:
        ordering = ("-at",)


class Upload(models.Model):
    """A file that somebody gave to the desk. Its state is read from the lake by `video_id` (service/uploads/)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)  # as the person's machine calls it: for people, never a path
    stored = models.CharField(max_length=255)  # in the inbox; ours. By path: the address itself, never deleted
    video_id = models.CharField(max_length=64, db_index=True)
    bytes = models.BigIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="uploads")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    came_by = models.CharField(max_length=16, default="upload")  # upload, link, path, api
    flow_run = models.CharField(max_length=36, blank=True)  # of Prefect, that was asked for it
    settled_at = models.DateTimeField(null=True, db_index=True)  # when it was done or had failed: no run is asked for
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-at", "id")


class Link(models.Model):
    """A link that an administrator gave. What was not fetched when the desk ended is fetched when it begins again.

    It may carry a secret in its query: pages show `name` alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # also of the Upload that it becomes
    link = models.TextField(max_length=2000)
    name = models.CharField(max_length=255)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="links")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(null=True, db_index=True)
    video_id = models.CharField(max_length=64, blank=True)  # of what it led to
    error = models.CharField(max_length=40, blank=True)  # where it led to nothing; said and todo: in words
    said = models.TextField(blank=True)
    todo = models.TextField(blank=True)

    class Meta:
        ordering = ("-at", "id")


class SavedView(models.Model):
    """A person's filters under a name."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=1000)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=("by", "name"), name="one_view_a_name")]


class Token(models.Model):
    """Lets a program act as a person. Only its hash is kept."""

    DAYS = 90  # that one is good for, where nobody says

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)  # null: made before tokens had an end

    class Meta:
        ordering = ("-at",)

    @classmethod
    def make(cls, user: models.Model, name: str, days: int = DAYS) -> str:
        """The token's text: shown once, and never again."""
        text = f"flk_{secrets.token_urlsafe(32)}"
        ends_at = timezone.now() + timedelta(days=days)
        cls.objects.create(by=user, name=name, digest=cls.digest_of(text), ends_at=ends_at)
        return text

    @property
    def ended(self) -> bool:
        return self.ends_at is not None and self.ends_at <= timezone.now()

    @staticmethod
    def digest_of(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()


class Audit(models.Model):
    """Append-only: who did what, when. Outlives the video and the person that it tells of."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    who = models.CharField(max_length=150)
    what = models.CharField(max_length=40)  # decided, undid, uploaded, asked, exported, deleted, ...
    video_id = models.CharField(max_length=64, blank=True, db_index=True)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ("-at", "-id")

    @classmethod
    def tell(cls, who: object, what: str, video_id: str = "", detail: str = "") -> None:
        """Put on record."""
        cls.objects.create(who=str(who), what=what, video_id=video_id, detail=detail)
