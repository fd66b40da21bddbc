"""Tokens have an end; those of before keep none until their owner makes another."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("desk", "0002_settled_uploads_and_links")]

    operations = [migrations.AddField("token", "ends_at", models.DateTimeField(null=True))]
