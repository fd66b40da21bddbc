"""`fakelake up`: Prefect's server and worker, MLflow, Ray and the review desk on this machine, until told to stop."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from fakelake.catalog.lake import Lake
from fakelake.flows.run import stderr
from fakelake.infra.held_alone import held_alone
from fakelake.infra.ports import HOST, free_port, listens, reached_at, speaks_http
from fakelake.infra.prefect_env import prepare
from fakelake.infra.services import Service, Services
from fakelake.infra.settings import Settings
from fakelake.infra.up_state import UpState, answers, remove_state, up_directory, write_state

POOL = "fakelake"
RUNS_AT_ONCE = 3  # so that a retraining, which takes hours, holds up neither ingest nor watch
LOOK_EVERY_S = 2.0
REGISTER = (sys.executable, "-m", "fakelake.infra.register")
PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")


def run_up(lake: str) -> int:
    """Start everything, say where it is, and keep it running until SIGINT or SIGTERM. Returns the exit code.

    Raises ServiceFailed, PortTaken, HeldByAnother where it runs already, FileNotFoundError without a prefect.yaml.
    """
    settings = Settings()
    plan = deployments_file()
    Lake.open(lake, create=True)
    directory = up_directory(lake)
    with held_alone(directory, f"`fakelake up` runs for this lake already (its state is in {directory})."):
        for port in (settings.prefect_port, settings.mlflow_port, *([settings.desk_port] if settings.desk else [])):
            refuse_taken(port)
        with until_told() as told_to_stop:
            services = Services(directory / "logs", stderr)
            # Not in the lake: the path of a Unix socket is at most 107 bytes long.
            own = tempfile.mkdtemp(prefix="fakelake-up-")
            try:
                state = start_all(services, lake, settings, plan, Path(own, "spare"))
                write_state(lake, state)
                for name, address in state.pages.items():
                    print(f"{name:>8}  {address}", flush=True)
                if (first := directory / "desk" / "first_password").exists():
                    print(f"The desk's first person is admin; the password is in {first}", flush=True)
                print(
                    f"It is up. Videos put into {state.env['FAKELAKE_INBOX']} are taken in. Stop with Ctrl-C.",
                    flush=True,
                )
                while not told_to_stop():
                    services.mend()
                    time.sleep(LOOK_EVERY_S)
            finally:
                remove_state(lake)
                stderr("Stopping ...")
                services.stop()
                shutil.rmtree(own)
    stderr("Stopped.")
    return 0


def start_all(services: Services, lake: str, settings: Settings, plan: Path, waiting: Path) -> UpState:
    """Prefect's server, MLflow, Ray, the desk, the deployments, the worker that runs them. Raises ServiceFailed.

    waiting: the socket of the process that is ready for a command.
    """
    directory = up_directory(lake)
    prefect, mlflow = f"http://{HOST}:{settings.prefect_port}", f"http://{HOST}:{settings.mlflow_port}"
    inbox = settings.inbox if settings.inbox.startswith("s3://") else str(Path(settings.inbox).absolute())
    if not inbox.startswith("s3://"):
        Path(inbox).mkdir(parents=True, exist_ok=True)
    at = reached_at(settings.desk_bind)
    desk_page = f"http://{f'[{at}]' if ':' in at else at}:{settings.desk_port}"
    pages = ({"desk": desk_page} if settings.desk else {}) | {"Prefect": prefect}
    env = {
        "PREFECT_API_URL": f"{prefect}/api", "FAKELAKE_LAKE": lake if "://" in lake else str(Path(lake).absolute()),
        "FAKELAKE_INBOX": inbox,
    }  # fmt: skip
    prepare()
    servers = [prefect_server(settings, prefect, directory)]
    if settings.mlflow is None:
        servers.append(mlflow_server(settings, mlflow, lake, directory))
        pages["MLflow"] = mlflow
        if settings.mlflow_database:
            env["FAKELAKE_MLFLOW"] = mlflow
    elif settings.mlflow.startswith("http"):
        pages["MLflow"] = settings.mlflow
    env |= {"FAKELAKE_MLFLOW_PAGES": pages["MLflow"]} if "MLflow" in pages else {}
    env |= {"FAKELAKE_DESK_PAGES": pages["desk"]} if "desk" in pages else {}
    if settings.ray_address is None:
        port = free_port()
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(new_token(directory / "ray_token"))}
        servers.append(ray_head(settings, port, token, services.log("ray")))
        env |= {"FAKELAKE_RAY_ADDRESS": f"{HOST}:{port}", **token}
    stderr(f"Starting {', '.join(server.name for server in servers)} (a first start makes databases) ...")
    services.start(*servers)
    if settings.desk:  # before what only runs need: moderators wait least
        stderr(f"Starting the review desk: {pages['desk']} ...")
        services.start(desk(env, at, settings.desk_port))
    stderr("Registering the deployments ...")
    services.run("deploy", (*REGISTER, POOL, "--close-left", "--deploy", str(plan)), env)
    stderr("Starting the worker ...")
    services.start(worker(env, free_port()))
    if settings.spare:
        services.start(spare(env, waiting))
    return UpState(pid=os.getpid(), env=env, pages=pages, spare=str(waiting) if settings.spare else "")


def prefect_server(settings: Settings, address: str, directory: Path) -> Service:
    """With PostgreSQL where one is set, else SQLite in the lake's _up."""
    database = settings.prefect_database or f"sqlite+aiosqlite:///{directory / 'prefect.db'}"
    return Service(
        name="prefect", healthy=partial(answers, f"{address}/api/health"),
        command=(*PREFECT, "server", "start", "--host", HOST, "--port", str(settings.prefect_port)),
        env={"PREFECT_API_DATABASE_CONNECTION_URL": database, "PREFECT_HOME": str(directory / "prefect")},
    )  # fmt: skip


def mlflow_server(settings: Settings, address: str, lake: str, directory: Path) -> Service:
    """On the lake's own SQLite, which commands go on to use directly; or on PostgreSQL, with artifacts through it."""
    if settings.mlflow_database:
        where = (
            "--backend-store-uri",
            settings.mlflow_database,
            "--artifacts-destination",
            str(directory / "artifacts"),
        )
    else:
        from fakelake.infra.store_of import store_of

        store = store_of(Lake.open(lake), settings)
        where = ("--backend-store-uri", store.address, "--default-artifact-root", str(store.artifacts))
    return Service(
        name="mlflow", healthy=partial(answers, f"{address}/health"),
        command=(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(settings.mlflow_port),
                 "--workers", "1", *where),
        env={"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet",
             "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # else six more processes wait for nothing
    )  # fmt: skip


def ray_head(settings: Settings, port: int, token: dict[str, str], log: Path) -> Service:
    """A Ray that stays, so that no command waits for one to start. It refuses whoever has not the token."""
    cpus = ("--num-cpus", str(settings.cpus)) if settings.cpus else ()
    command = ("-c", "import sys; from ray.scripts.scripts import main; sys.exit(main())", "start", "--head", "--block",
               "--port", str(port), "--include-dashboard", "false", "--disable-usage-stats",
               "--object-store-memory", str(512 << 20), *cpus)  # fmt: skip
    return Service(
        name="ray", healthy=partial(has_started, port, log),
        tries=3,  # it gives itself 30 s, which a busy machine exceeds
        command=(sys.executable, *command),
        # Idle workers of the spare are not to go because a schedule's run has some too.
        env={"RAY_num_workers_soft_limit": str(4 * (settings.cpus or os.cpu_count() or 1)),
             "RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", **token},
    )  # fmt: skip


def new_token(path: Path) -> Path:
    """A secret that only this user can read: Ray runs any code for whoever has it."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
        file.write(secrets.token_hex(32))
    return path


def has_started(port: int, log: Path) -> bool:
    """Its port is open long before a node can take work."""
    return listens(port) and "Ray runtime started" in log.read_text(errors="replace")


def worker(env: dict[str, str], port: int) -> Service:
    """Runs what the schedules and people start."""
    command = ("worker", "start", "--pool", POOL, "--type", "process", "--name", "up",
               "--limit", str(RUNS_AT_ONCE), "--with-healthcheck")  # fmt: skip
    own = {"PREFECT_WORKER_WEBSERVER_HOST": HOST, "PREFECT_WORKER_WEBSERVER_PORT": str(port)}
    return Service(
        name="worker", healthy=partial(answers, f"http://{HOST}:{port}/health"), command=(*PREFECT, *command),
        env={**env, **own},
    )  # fmt: skip


def desk(env: dict[str, str], host: str, port: int) -> Service:
    """The review desk: the pages on which moderators decide.

    Behind TLS it answers to its own names alone: any answer will do.
    """
    return Service(
        name="desk", healthy=partial(speaks_http, port, host),
        command=(sys.executable, "-m", "fakelake.review.serve"), env=env,
    )  # fmt: skip


def spare(env: dict[str, str], waiting: Path) -> Service:
    """Becomes the next command. Nobody waits for it: a command that finds none starts by itself."""
    return Service(
        name="spare", healthy=lambda: True, command=(sys.executable, "-m", "fakelake.flows.spare", str(waiting)),
        env=env, disposable=True,
    )  # fmt: skip


def deployments_file() -> Path:
    """The prefect.yaml of the working directory, else the one beside the program. Raises FileNotFoundError."""
    for directory in (Path.cwd(), Path(__file__).parents[2]):
        if (path := directory / "prefect.yaml").is_file():
            return path
    raise FileNotFoundError("There is no prefect.yaml here: run this in a checkout of fakelake, which has one.")


class PortTaken(Exception):
    """Another program listens where a server should."""


def refuse_taken(port: int) -> None:
    """Raises PortTaken, before anything is started."""
    if listens(port):
        raise PortTaken(
            f"Another program listens on port {port}. End it, or choose others: FAKELAKE_PREFECT_PORT, "
            "FAKELAKE_MLFLOW_PORT, FAKELAKE_DESK_PORT."
        )


@contextmanager
def until_told() -> Iterator:
    """A question: were we asked to stop, by Ctrl-C or SIGTERM?"""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt  # a second time: at once
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
