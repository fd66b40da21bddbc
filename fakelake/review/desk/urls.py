"""Every address of the desk. A video is named by its id alone: no path from a person reaches the file system."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path, register_converter
from django_ratelimit.decorators import ratelimit

from fakelake.review.desk.api import api
from fakelake.review.desk.views import (
    account,
    audit,
    case,
    decisions,
    insight,
    media,
    people,
    quarantine,
    queue,
    sql,
    upload,
    video,
)


class VideoId:
    """sha256 of a video's bytes, in hex."""

    regex = "[0-9a-f]{64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(VideoId, "video")

LOG_IN = auth.LoginView.as_view(template_name="desk/login.html")

urlpatterns = [
    path("", upload.index, name="upload"),
    path("upload/", upload.receive, name="receive"),
    path("upload/link/", upload.by_link, name="by_link"),
    path("upload/path/", upload.by_path, name="by_path"),
    path("upload/states/", upload.states, name="upload_states"),
    path("upload/<uuid:upload_id>/delete/", upload.delete, name="delete_upload"),
    path("queue/", queue.queue, name="queue"),
    path("queue/next/", queue.next_video, name="next"),
    path("queue/views/", queue.save_view, name="save_view"),
    path("queue/views/<int:view_id>/delete/", queue.delete_view, name="delete_view"),
    path("queue/decide/", decisions.decide_many, name="decide_many"),
    path("videos/<video:video_id>/", video.page, name="video"),
    path("videos/<video:video_id>/boxes/", video.boxes, name="boxes"),
    path("videos/<video:video_id>/decide/", decisions.decide, name="decide"),
    path("videos/<video:video_id>/forget/", video.forget, name="forget"),
    path("videos/<video:video_id>/file/", media.video_file, name="video_file"),
    path("videos/<video:video_id>/frames/<int:number>.jpg", media.frame, name="frame"),
    path("videos/<video:video_id>/faces/<int:track>/<int:frame>.jpg", media.face, name="face"),
    path("videos/<video:video_id>/face.jpg", media.worst_face, name="worst_face"),
    path("videos/<video:video_id>/make/<slug:what>/", case.make, name="make"),
    path("videos/<video:video_id>/made/<slug:what>/", case.made, name="made"),
    path("decisions/", decisions.overview, name="decisions"),
    path("decisions/<uuid:decision_id>/undo/", decisions.undo, name="undo"),
    path("insight/", insight.page, name="insight"),
    path("quarantine/", quarantine.page, name="quarantine"),
    path("quarantine/retry/", quarantine.retry, name="retry"),
    path("sql/", sql.page, name="sql"),
    path("people/", people.page, name="people"),
    path("audit/", audit.page, name="audit"),
    path("account/", account.page, name="account"),
    path("login/", ratelimit(key="ip", rate="30/m", method="POST")(LOG_IN), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("api/", api.urls),
]

handler400 = "fakelake.review.desk.errors.bad_request"
handler403 = "fakelake.review.desk.errors.permission_denied"
handler404 = "fakelake.review.desk.errors.not_found"
handler500 = "fakelake.review.desk.errors.server_error"
