"""The files of fakelake/infra/deploy: what can be known of them without a cluster."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from fakelake.infra.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "fakelake/infra/deploy"
KUBERAY = DEPLOY / "kuberay"
KUBERNETES = "1.33"  # the oldest release whose schemas the manifests are held against
LOCK = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
MANIFESTS = [
    (path.name, manifest)
    for path in sorted(KUBERAY.glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
    if manifest["kind"] != "Kustomization"
]
OURS = {"RayCluster", "RayJob"}  # KubeRay's kinds, of which Kubernetes has no schema


def instructions():
    """The Dockerfile's instructions: name and arguments, with continued lines joined and comments dropped."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def stages():
    """Name of a stage -> what it is made from, and its instructions."""
    made = {}
    for name, rest in instructions():
        if name == "FROM":
            base, _, stage = rest.split()
            made[stage] = (base, [])
        elif made:
            made[stage][1].append((name, rest))
    return made


def user_of(stage):
    base, steps = stages()[stage]
    users = [rest for name, rest in steps if name == "USER"]
    return users[-1] if users else user_of(base) if base in stages() else "root"


def copied():
    """Paths of the repository that the Dockerfile copies."""
    for _, steps in stages().values():
        for name, rest in steps:
            words = rest.split()
            if name == "COPY" and not any(word.startswith("--from=") for word in words):
                yield from [word for word in words if not word.startswith("--")][:-1]


def reaches_the_builder(path):
    """By the ignore file: the last pattern that fits the path or a directory above it decides."""
    allowed = True
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        lets_in, pattern = pattern.startswith("!"), pattern.lstrip("!")
        above = [str(path), *map(str, Path(path).parents)]
        names = Path(path).parts if pattern.startswith("**/") else above
        if any(fnmatch.fnmatchcase(name, pattern.removeprefix("**/")) for name in names if name != "."):
            allowed = lets_in
    return allowed


def secrets_of(service):
    return {each if isinstance(each, str) else each["source"] for each in service.get("secrets", [])}


def pods():
    """Every pod that the manifests make: name, and its template."""
    for name, manifest in MANIFESTS:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "RayCluster":
            yield f"{name}: head", spec["headGroupSpec"]["template"]
            yield from ((f"{name}: {group['groupName']}", group["template"]) for group in spec["workerGroupSpecs"])
        elif "template" in spec:
            yield name, spec["template"]


def containers():
    for name, pod in pods():
        for each in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            yield f"{name}: {each['name']}", each


# The image


def test_every_path_that_the_image_copies_is_in_the_repository_and_reaches_the_builder():
    paths = list(copied())
    assert "fakelake" in paths and "requirements.lock" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [path for path in paths if not reaches_the_builder(path)] == []


def test_neither_secrets_nor_a_lake_nor_weights_reach_the_builder():
    for path in (
        "fakelake/infra/deploy/secrets/ray_token",
        ".git/config",
        "lake/videos",
        "demo/x",
        ".env",
        "weights/x",
    ):
        assert not reaches_the_builder(path), path
    assert reaches_the_builder("fakelake/catalog/sql/10_publication.sql")


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_the_image_runs_as_a_numbered_user_who_is_not_root(target):
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user_of(target))


def test_the_image_is_the_lock_without_what_only_tests_need():
    text = (DEPLOY / "Dockerfile").read_text()
    left_out = re.search(r"grep -vE '\^\((.*?)\)=='", text)[1].split("|")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    dev = {re.split(r"[\[=><]", name)[0] for name in project["dependency-groups"]["dev"]}
    assert set(left_out) <= dev & set(LOCK)
    # MLflow's server talks to PostgreSQL by the one, to the object store by the other.
    assert {"psycopg", "boto3"} <= set(LOCK) - set(left_out)


def test_a_secret_becomes_the_variable_of_its_name(tmp_path):
    (tmp_path / "PGPASSWORD").write_text("with 'quotes' and $signs\n")
    command = [DEPLOY / "entrypoint.sh", "sh", "-c", 'printf %s "$PGPASSWORD"']
    environment = {**os.environ, "SECRETS_DIRECTORY": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == "with 'quotes' and $signs"


# Compose


def test_compose_yaml_is_valid():
    """By docker itself where it has compose, and always by the published schema."""
    path = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.Draft202012Validator(json.loads(path.read_text())).validate(COMPOSE)
    compose = ["docker", "compose"]
    if shutil.which("docker") and not subprocess.run([*compose, "version"], capture_output=True).returncode:
        command = [*compose, "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert not done.returncode, done.stderr


def test_every_secret_of_compose_is_made_by_the_script_and_used(tmp_path):
    script = shutil.copy(DEPLOY / "make_secrets.sh", tmp_path)
    subprocess.run([script], check=True, timeout=300)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run([script], check=True, timeout=300)
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}, "a second run keeps them"
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == set(made)
    assert all(re.fullmatch(r"(fakelake:)?[0-9a-f]{48}", text) for text in made.values())
    assert len(set(made.values())) == len(made)
    used = {
        s if isinstance(s, str) else s["source"] for service in SERVICES.values() for s in service.get("secrets", [])
    }
    assert used == set(made)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert re.search(r":[^:}]*\d", service["image"]), "the image is pinned"
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if service.get("user") == "0:0":  # may change an owner, and reaches nothing
        assert service["network_mode"] == "none" and service["cap_add"] == ["CHOWN"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_until_what_it_talks_to_answers(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        lasting = SERVICES[other]["restart"] != "no"
        assert how["condition"] == ("service_healthy" if lasting else "service_completed_successfully")
        assert "healthcheck" in SERVICES[other] or not lasting


def test_every_port_that_a_service_talks_to_is_one_that_a_service_offers():
    offered = {
        "postgres:5432", "s3:8333", "prefect:4200", "mlflow:5000", "ray-head:6379",
    }  # fmt: skip
    talks = set()
    for service in SERVICES.values():
        texts = [*map(str, service.get("command", [])), *map(str, service.get("environment", {}).values())]
        found = re.findall(r"(?:@|//|=)([a-z0-9-]+):(\d+)", " ".join(texts))
        talks |= {f"{host}:{port}" for host, port in found if not host[0].isdigit() and host != "localhost"}
    assert talks == offered
    for each in offered - {"postgres:5432"}:  # which is PostgreSQL's own
        host, port = each.split(":")
        command = " ".join(map(str, SERVICES[host]["command"]))
        assert re.search(rf"port[ =]{port}\b", command), f"{host} does not say that it listens on {port}"


def test_the_databases_that_services_open_are_the_ones_that_are_made():
    script = (DEPLOY / "postgres_init.sh").read_text()
    made = re.search(r"for name in (.*); do", script)[1].split()
    opened = re.findall(r"://(\w+)@postgres:5432/(\w+)", (DEPLOY / "compose.yaml").read_text())
    assert sorted(opened) == sorted((name, name) for name in made)
    assert {f"postgres_{name}" for name in made} < secrets_of(SERVICES["postgres"])


# Kubernetes


@pytest.mark.parametrize(
    "manifest", [m for _, m in MANIFESTS if m["kind"] not in OURS], ids=lambda m: f"{m['kind']}-{m['metadata']['name']}"
)
def test_manifests_fit_the_schemas_of_kubernetes(manifest):
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize(("name", "pod"), list(pods()), ids=[name for name, _ in pods()])
def test_pods_in_kuberays_resources_do_too(name, pod):
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, "spec": pod["spec"]}
    kubernetes_validate.validate(made, KUBERNETES, strict=True)


def test_the_ray_cluster_is_of_the_ray_in_the_lock():
    for name, manifest in MANIFESTS:
        if manifest["kind"] == "RayCluster":
            assert manifest["spec"]["rayVersion"] == LOCK["ray"], name


def test_flows_and_the_head_take_no_core_and_gpus_are_on_spot_nodes():
    cluster = next(m["spec"] for _, m in MANIFESTS if m["kind"] == "RayCluster")
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    groups = {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    assert groups["cpu"]["minReplicas"] >= 1
    spot = groups["gpu-spot"]["template"]["spec"]
    assert spot["tolerations"] and spot["nodeSelector"] and groups["gpu-spot"]["minReplicas"] == 0
    assert spot["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    for text in (
        " ".join(SERVICES["ray-head"]["command"]),
        *(SERVICES[name]["command"][-1] for name in ("worker", "desk")),
        *(dict(containers())[name]["args"][-1] for name in ("prefect-worker.yaml: worker", "desk.yaml: desk")),
    ):  # fmt: skip
        assert "--num-cpus=0" in text


def test_the_backfill_runs_on_the_cluster_there_is_with_a_command_there_is():
    job = next(m["spec"] for _, m in MANIFESTS if m["kind"] == "RayJob")
    names = {m["metadata"]["name"] for _, m in MANIFESTS if m["kind"] == "RayCluster"}
    assert job["clusterSelector"]["ray.io/cluster"] in names
    command = job["entrypoint"].split()
    assert command[:2] == ["fakelake", "ingest"]
    fakelake = Path(sys.executable).with_name("fakelake")
    told = subprocess.run(
        [fakelake, "ingest", "--help"], capture_output=True, text=True, check=True, timeout=300
    ).stdout
    assert all(option in told for option in command if option.startswith("--"))


@pytest.mark.parametrize(("name", "container"), list(containers()), ids=[name for name, _ in containers()])
def test_a_container_has_no_more_rights_than_it_needs(name, container):
    security = container["securityContext"]
    assert security["runAsNonRoot"] and security["readOnlyRootFilesystem"]
    assert security["allowPrivilegeEscalation"] is False and security["capabilities"]["drop"] == ["ALL"]
    assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]
    assert re.search(r":\d", container["image"]), "the image is pinned"
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {"/tmp", "/home/fakelake"} <= mounts, "these are written to, and the image is read-only"


@pytest.mark.parametrize(("name", "pod"), list(pods()), ids=[name for name, _ in pods()])
def test_pods_run_as_the_images_user_and_only_the_head_has_a_token_of_the_cluster(name, pod):
    spec = pod["spec"]
    user, group = user_of("cpu").split(":")
    assert spec["enableServiceLinks"] is False, "a service's variables would be taken for settings"
    context = spec["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))
    assert context["seccompProfile"]["type"] == "RuntimeDefault"
    if not name.endswith("head"):  # KubeRay gives the head's autoscaler an account of its own
        assert spec["automountServiceAccountToken"] is False
        account = next(m for _, m in MANIFESTS if m["kind"] == "ServiceAccount")
        assert spec["serviceAccountName"] == account["metadata"]["name"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    for each in [*spec.get("initContainers", []), *spec["containers"]]:
        assert {mount["name"] for mount in each["volumeMounts"]} <= volumes


def test_no_manifest_holds_a_password():
    for name, container in containers():
        for variable in container.get("env", []):
            if re.search("KEY|TOKEN|AUTH_STRING|PASSWORD|SECRET", variable["name"]):
                assert "secretKeyRef" in variable["valueFrom"], f"{name}: {variable['name']}"
    plain = {k: v for _, m in MANIFESTS if m["kind"] == "ConfigMap" for k, v in m["data"].items()}
    assert plain and not [k for k in plain if re.search("KEY|TOKEN|AUTH_STRING|PASSWORD|SECRET", k)]
    everything = "".join(path.read_text() for path in [*KUBERAY.glob("*.yaml"), DEPLOY / "compose.yaml"])
    assert not re.search(r"//\w+:[^@/\s]+@", everything), "an address with a password in it"


def test_the_worker_joins_the_head_of_the_cluster_that_is_made():
    cluster = next(m for _, m in MANIFESTS if m["kind"] == "RayCluster")
    head = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    ports = {port["containerPort"] for port in head["ports"]}
    addresses = set(re.findall(r"([\w-]+-head-svc):(\d+)", (KUBERAY / "prefect-worker.yaml").read_text()))
    # KubeRay names the head's service after the cluster.
    assert addresses == {(f"{cluster['metadata']['name']}-head-svc", "6379")} and 6379 in ports
    token = cluster["spec"]["authOptions"]["secretName"]
    worker = dict(containers())["prefect-worker.yaml: worker"]
    named = {v["name"]: v["valueFrom"]["secretKeyRef"] for v in worker["env"] if "valueFrom" in v}
    assert named["RAY_AUTH_TOKEN"] == {"name": token, "key": "auth_token"}


def test_the_desk_is_reached_by_its_service_from_the_ingress_alone():
    made = {m["kind"]: m for name, m in MANIFESTS if name == "desk.yaml"}
    pod = made["Deployment"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    [port] = container["ports"]
    [offered] = made["Service"]["spec"]["ports"]
    assert offered["targetPort"] == port["name"] and port["containerPort"] == Settings().desk_port
    assert made["Service"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    [way_in] = made["NetworkPolicy"]["spec"]["ingress"]
    assert [each["port"] for each in way_in["ports"]] == [port["containerPort"]]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert env["FAKELAKE_DESK_HTTPS"] == "true" and made["Deployment"]["spec"]["replicas"] == 1
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        sent = {header["name"]: header["value"] for header in container[probe]["httpGet"]["httpHeaders"]}
        assert sent["Host"] in env["FAKELAKE_DESK_HOSTS"].split(",") and sent["X-Forwarded-Proto"] == "https"


def test_policies_speak_of_pods_that_there_are():
    labels = [m["metadata"].get("labels", {}) for _, m in pods()]
    # What KubeRay adds to a head.
    labels.append({"ray.io/cluster": "fakelake", "ray.io/node-type": "head"})
    for name, manifest in MANIFESTS:
        if manifest["kind"] in ("NetworkPolicy", "PodDisruptionBudget"):
            selector = manifest["spec"].get("podSelector") or manifest["spec"]["selector"]
            wanted = selector["matchLabels"].items()
            assert any(wanted <= each.items() for each in labels), name
            if manifest["metadata"]["name"] == "fakelake":
                assert all(wanted <= each.items() for each in labels[:-1]), "every pod is behind it"


def test_kustomization_has_every_manifest_but_the_job_that_is_started_by_hand():
    listed = yaml.safe_load((KUBERAY / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted({name for name, _ in MANIFESTS} - {"backfill.yaml"})


# Both


def test_every_setting_that_is_made_here_is_one_that_fakelake_reads():
    names = set()
    for path in DEPLOY.rglob("*"):
        if path.is_file() and "secrets" not in path.parts:
            names |= set(re.findall(r"FAKELAKE_[A-Z0-9_]+", path.read_text()))
    settings = {f"FAKELAKE_{name.upper()}" for name in Settings.model_fields}
    settings.add("FAKELAKE_WEIGHTS")  # read where weights are looked for, not part of Settings
    assert {"FAKELAKE_PROFILE", "FAKELAKE_LAKE", "FAKELAKE_MLFLOW"} <= names
    assert names <= settings


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
def test_the_settings_make_a_whole_cluster(where, monkeypatch):
    plain = next(m["data"] for _, m in MANIFESTS if m["kind"] == "ConfigMap")
    for name, value in (COMPOSE["x-node-environment"] if where == "compose" else plain).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.profile, settings.ray_address) == ("cluster", "auto")
    assert settings.lake.startswith("s3://") and settings.mlflow.startswith("http")
