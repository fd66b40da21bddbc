"""In the making."""

from django.core.files.uploadhandler import TemporaryFileUploadHandler


class InboxUploadHandler(TemporaryFileUploadHandler):
    """In the making."""
