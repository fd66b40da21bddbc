"""MLflow: runs with their figures and files, and the registry of models with its two aliases."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CHAMPION, CHALLENGER = "champion", "challenger"
BUNDLE = "model"  # artifact folder of a run that holds the model's files
MOST_PARAMETER = 500  # characters


class ModelMissing(LookupError):
    """No such version or alias in the registry; the text says which there are and how to make one."""


class ModelStore:
    """One MLflow, by its tracking address. Without one, a SQLite file with artifacts beside it.

    address: sqlite:///..., http(s)://..., or a directory, where a store is then made
    """

    def __init__(self, address: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # else a new store tells of its tables on stderr
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow import MlflowClient

        self.artifacts: str | None = None
        if "://" not in address:
            directory = Path(address).absolute()
            directory.mkdir(parents=True, exist_ok=True)
            self.artifacts = (directory / "artifacts").as_uri()
            address = f"sqlite:///{directory / 'mlflow.db'}"
        self.address = address
        self._client = MlflowClient(address, address)

    @contextmanager
    def run(
        self, experiment: str, name: str, parameters: Mapping[str, object], *, parent: str | None = None,
        remember: Path | None = None,
    ) -> Iterator[StoredRun]:  # fmt: skip
        """A run that ends FINISHED or, with an exception, FAILED; what was logged until then stays.

        remember: file in which the run's id is kept. A run that is found there, of a process that was killed, is gone
                  on with, under the parameters that it began with.
        """
        stored = self._left_off(remember)
        if stored is None:
            tags = {"mlflow.runName": name} | ({"mlflow.parentRunId": parent} if parent else {})
            run = self._client.create_run(self._experiment(experiment), tags=tags)
            stored = StoredRun(self._client, run.info.run_id)
            for key, value in parameters.items():
                self._client.log_param(stored.run_id, key, str(value)[:MOST_PARAMETER])
            if remember is not None:
                remember.parent.mkdir(parents=True, exist_ok=True)
                remember.write_text(stored.run_id)
        try:
            yield stored
        except BaseException:
            self._client.set_terminated(stored.run_id, "FAILED")
            raise
        self._client.set_terminated(stored.run_id, "FINISHED")

    def opened(self, run_id: str) -> StoredRun:
        """A run that another process began."""
        return StoredRun(self._client, run_id)

    def register(self, model: str, run: StoredRun, bundle: Path, tags: Mapping[str, str]) -> str:
        """File a model's directory under the run, as the next version and the challenger. Returns the version."""
        from mlflow.exceptions import MlflowException

        self._client.log_artifacts(run.run_id, str(bundle), BUNDLE)
        try:
            self._client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{self._client.get_run(run.run_id).info.artifact_uri}/{BUNDLE}"
        made = self._client.create_model_version(model, source, run.run_id, tags=dict(tags))
        self._client.set_registered_model_alias(model, CHALLENGER, made.version)
        return str(made.version)

    def version(self, model: str, wanted: str) -> str:
        """`champion`, `challenger` or a number -> the number. Raises ModelMissing."""
        from mlflow.exceptions import MlflowException

        try:
            if wanted.isdigit():
                return str(self._client.get_model_version(model, wanted).version)
            return str(self._client.get_model_version_by_alias(model, wanted).version)
        except MlflowException:
            pass
        versions = self.versions(model)
        there = f"There are versions {', '.join(versions)}" if versions else "There is no model yet"
        raise ModelMissing(
            f"There is no {model}@{wanted} in {self.address}. {there}; train one: fakelake train {model}"
        )

    def champion(self, model: str) -> str | None:
        """The number of the champion, if there is one."""
        try:
            return self.version(model, CHAMPION)
        except ModelMissing:
            return None

    def versions(self, model: str) -> list[str]:
        """All versions, oldest first."""
        found = self._client.search_model_versions(f"name='{model}'")
        return sorted((str(each.version) for each in found), key=int)

    def promote(self, model: str, version: str) -> None:
        """Make a version the champion."""
        self._client.set_registered_model_alias(model, CHAMPION, version)

    def tags(self, model: str, version: str) -> dict[str, str]:
        """What was noted with a version."""
        return dict(self._client.get_model_version(model, version).tags)

    def fetch(self, model: str, version: str, directory: Path) -> Path:
        """The model's files, copied below `directory`. Raises ModelMissing."""
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        uri = self._client.get_model_version_download_uri(model, self.version(model, version))
        directory.mkdir(parents=True, exist_ok=True)
        try:
            return Path(download_artifacts(artifact_uri=uri, dst_path=str(directory), tracking_uri=self.address))
        except (MlflowException, OSError) as error:
            raise ModelMissing(
                f"The files of {model}@{version} cannot be fetched from {uri}: {str(error).splitlines()[0]} "
                f"Bring them back, or train again: fakelake train {model}"
            ) from error

    def _left_off(self, remember: Path | None) -> StoredRun | None:
        from mlflow.exceptions import MlflowException

        if remember is None or not remember.exists():
            return None
        run_id = remember.read_text().strip()
        try:
            self._client.update_run(run_id, status="RUNNING")
        except MlflowException:  # of another store, or deleted
            return None
        return StoredRun(self._client, run_id)

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return known.experiment_id
        try:
            where = f"{self.artifacts}/{name}" if self.artifacts else None
            return self._client.create_experiment(name, artifact_location=where)
        except MlflowException:  # another process was faster
            return self._client.get_experiment_by_name(name).experiment_id


class StoredRun:
    """A run under way."""

    def __init__(self, client, run_id: str) -> None:
        self._client, self.run_id = client, run_id

    def figures(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log figures, all in one call: each call costs milliseconds."""
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(
            self.run_id, metrics=[Metric(name, float(value), now, step) for name, value in values.items()]
        )

    def file(self, path: Path, folder: str | None = None) -> None:
        self._client.log_artifact(self.run_id, str(path), folder)

    def text(self, text: str, name: str) -> None:
        """A file of that name and text."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / Path(name).name
            path.write_text(text)
            self.file(path, str(Path(name).parent) if "/" in name else None)
