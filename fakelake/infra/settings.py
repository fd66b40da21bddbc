"""Settings from the environment (`FAKELAKE_...`); every one has a default that works on one machine."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How to run; nothing here changes the bytes that are written (that is the recipe's part)."""

    model_config = SettingsConfigDict(env_prefix="FAKELAKE_", extra="ignore")

    lake: str = Field("./lake", description="directory or s3:// prefix of the lake")
    profile: Literal["machine", "cluster"] = Field(
        "machine",
        description="cluster: join the Ray cluster that this machine is a node of; lake on S3, MLflow a server",
    )
    inbox: str = Field("./inbox", description="folder or s3:// prefix that the schedule takes videos from")
    inbox_settle_s: float = Field(
        10, ge=0, description="files of the inbox younger than this may still be growing: they wait for the next tick"
    )
    ray_address: str | None = Field(
        None, description="a running Ray cluster, e.g. auto; unset = Ray on this machine or, of a cluster, auto"
    )
    cpus: int | None = Field(None, description="cores that a local Ray may use; unset = all")
    cpus_per_video: int = Field(
        1, ge=1, description="cores of one decoding task; every library's threads are pinned to it"
    )
    device: str = Field("cpu", description="where the face detector runs: cpu or cuda")
    shard_videos: int = Field(64, ge=1, description="videos a commit")
    max_shards: int = Field(200, ge=1, description="commits a flow run; larger archives get larger shards")
    attempts: int = Field(2, ge=1, description="tries of a video whose worker died")
    deadline_base_s: float = Field(120, gt=0, description="time that any one task may take")
    deadline_per_media_s: float = Field(10, ge=0, description="more of it for each second of video in the task")
    lock_timeout_s: float = Field(600, gt=0, description="how long to wait for another writer of the lake")
    compact_after: int = Field(256, ge=2, description="small files a table before an ingest compacts by itself")
    mlflow: str | None = Field(
        None, description="MLflow's tracking address or a directory; unset: _mlflow in a local lake, else ./mlflow"
    )
    loader_workers: int = Field(0, ge=0, description="processes that read training clips ahead; 0: none")
    train_workers: int = Field(
        1, ge=1, description="processes on Ray that share a training; the lake's directory must be seen by all nodes"
    )
    score_videos: int = Field(16, ge=1, description="videos a scoring task")
    webhook_url: str | None = Field(
        None, pattern="^https?://", description="told of new verdicts of webhook_bands, as signed JSON"
    )
    webhook_secret: str = Field("", description="signs what goes to webhook_url", repr=False)
    webhook_bands: str = Field("fake,suspicious", description="bands that webhook_url is told of")
    score_commit_s: float = Field(30, ge=0, description="seconds between two commits of scores")

    prefect_port: int = Field(4200, ge=1, le=65535, description="of the Prefect server of `fakelake up`, on loopback")
    mlflow_port: int = Field(5000, ge=1, le=65535, description="of the MLflow server of `fakelake up`, on loopback")
    desk: bool = Field(True, description="`fakelake up` serves the review desk")
    desk_port: int = Field(8000, ge=1, le=65535, description="of the review desk")
    desk_bind: str = Field(
        "127.0.0.1",
        description="address that the review desk listens at; another only in a container or behind a proxy",
    )
    desk_hosts: str = Field("127.0.0.1,localhost", description="names under which browsers may ask for the desk")
    desk_https: bool = Field(
        False, description="a proxy with TLS stands before the desk (it sets X-Forwarded-Proto): HTTPS only, with HSTS"
    )
    desk_upload_bytes: int = Field(4 << 30, ge=1, description="the largest file that the desk takes")
    desk_keep_days: float | None = Field(
        None,
        gt=0,
        description="days after which the file of an upload is deleted; faces and verdict stay. Unset: never",
    )
    desk_roots: str = Field(
        "", description="folders that administrators may take videos from by path at the desk, separated by :"
    )
    desk_undo_s: float = Field(15, ge=0, description="seconds in which a decision can be taken back unseen")
    desk_two_people: bool = Field(False, description="a decision becomes a label when a second person says the same")
    spare: bool = Field(
        True, description="`fakelake up` keeps a process ready that becomes the next command (about 1 GB of memory)"
    )
    prefect_database: str | None = Field(
        None, description="of `fakelake up`: postgresql+asyncpg://...; unset: SQLite in the lake's _up", repr=False
    )
    mlflow_database: str | None = Field(
        None, description="of `fakelake up`: postgresql://...; unset: the lake's own SQLite", repr=False
    )
    mlflow_pages: str | None = Field(None, description="address of MLflow's pages, for links in reports")
    desk_pages: str | None = Field(None, description="address of the review desk, for links in reports")
    retrain_labels: int = Field(50, ge=1, description="new labels of one class that start a retraining")
    retrain_share: float = Field(
        0.1, gt=0, description="or new labels as a share of those of that class that the last training knew"
    )
    retrain_recipe: str = Field("best", description="of a retraining: paper, best, light or demo")
    retrain_changes: dict[str, object] = Field(
        {}, description='of single settings of that recipe, as JSON: {"epochs": 3}'
    )
    retrain_tries: int = Field(
        3, ge=1, description="runs that `watch` starts for the same labels before a person must look"
    )
    rescore_hours: float = Field(4, gt=0, description="that a retraining's rescoring may take; a later scoring goes on")
    # A normal distribution that moves by half a standard deviation reaches a KS of .2 and a PSI of .24: both speak of
    # about the same shift. PSI .2 is also from where the credit industry, whose measure it is, looks into a model.
    drift_psi: float = Field(0.2, gt=0, description="population stability index from which a measure has drifted")
    drift_ks: float = Field(0.2, gt=0, le=1, description="or the Kolmogorov-Smirnov statistic from which it has")
    drift_least: int = Field(50, ge=1, description="videos that each side of a comparison for drift takes to be judged")
    c2pa_cert: str | None = Field(
        None, description="PEM certificates that sign made videos; unset: a self-made one in the lake's _credentials"
    )
    c2pa_key: str | None = Field(None, description="PEM key of c2pa_cert")

    @model_validator(mode="after")
    def _cluster_whole(self) -> Self:
        if self.profile == "cluster":
            self.ray_address = self.ray_address or "auto"
            if not self.lake.startswith("s3://"):
                raise ValueError(
                    f"FAKELAKE_PROFILE=cluster needs a lake that all nodes see, s3://...; FAKELAKE_LAKE is {self.lake}"
                )
            if not (self.mlflow or "").startswith(("http://", "https://")):
                raise ValueError("FAKELAKE_PROFILE=cluster needs FAKELAKE_MLFLOW, the http address of an MLflow server")
        return self

    @model_validator(mode="after")
    def _signer_whole(self) -> Self:
        if bool(self.c2pa_cert) != bool(self.c2pa_key):
            raise ValueError("FAKELAKE_C2PA_CERT and FAKELAKE_C2PA_KEY go together: set both or neither")
        return self

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.webhook_url and not self.webhook_secret:
            raise ValueError(
                "FAKELAKE_WEBHOOK_URL is set and FAKELAKE_WEBHOOK_SECRET is not: anyone could forge messages"
            )
        return self
