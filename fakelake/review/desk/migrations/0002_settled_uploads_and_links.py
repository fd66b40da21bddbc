"""What came of an upload or a link is kept: a desk that begins again goes on where it was."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(name="upload", options={"ordering": ("-at", "id")}),
        migrations.AddField("upload", "settled_at", models.DateTimeField(db_index=True, null=True)),
        migrations.CreateModel(
            name="Link",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("link", models.TextField(max_length=2000)),
                ("name", models.CharField(max_length=255)),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(db_index=True, null=True)),
                ("video_id", models.CharField(blank=True, max_length=64)),
                ("error", models.CharField(blank=True, max_length=40)),
                ("said", models.TextField(blank=True)),
                ("todo", models.TextField(blank=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="links", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ("-at", "id")},
        ),
    ]
