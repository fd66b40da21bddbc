"""In the making."""

from ninja import NinjaAPI

api = NinjaAPI(title="fakelake", version="1")
