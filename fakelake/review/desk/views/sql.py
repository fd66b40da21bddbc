"""The SQL page: one SELECT at a time, bounded, on record. An address only fills the form; nothing runs without POST."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods
from django_ratelimit.decorators import ratelimit

from fakelake.review.desk.access import needs
from fakelake.review.desk.models import Audit
from fakelake.review.service import questions
from fakelake.review.service.reader import reader

FIRST = "SELECT band, count(*) AS videos FROM verdicts GROUP BY band ORDER BY videos DESC"


@needs("moderator")
@ratelimit(key="user", rate="30/m", method="POST", block=True)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    sql = request.POST.get("q", "") if request.method == "POST" else request.GET.get("q", FIRST)
    shown = {"sql": sql, "limits": questions, "seconds": f"{questions.TIME_S:g}"}
    status = 200
    if request.method == "POST":
        wants_csv = request.POST.get("as") == "csv"
        Audit.tell(request.user, "asked", detail=("as CSV: " if wants_csv else "") + sql[: questions.QUESTION_LETTERS])
        try:
            if wants_csv:
                return StreamingHttpResponse(
                    questions.csv_lines(reader().lake, sql), content_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": 'attachment; filename="answer.csv"'},
                )  # fmt: skip
            shown["answer"] = questions.ask(reader().lake, sql)
        except questions.SqlRefused as refused:
            shown["refused"], status = str(refused), 400
    shown["cookbook"] = questions.cookbook()
    shown["views"] = questions.views(reader())
    return render(request, "desk/sql.html", shown, status=status)
