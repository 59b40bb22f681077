"""deploy/kubernetes: it parses, its configuration loads, and its numbers and paths fit the server's."""

from pathlib import Path
from typing import Any, Final

import yaml

from tests.running import CERTIFICATE, ROOT
from tests.system.deploy.kubernetes_schemas import check
from tokend import __version__
from tokend.config.loading import load
from tokend.core.listening import Listen
from tokend.process.multi_process import STOP_SECONDS

_FILE: Final = ROOT / "deploy/kubernetes/tokend.yaml"


def _documents() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all(_FILE.read_text())}


def _pod() -> Any:
    return _documents()["Deployment"]["spec"]["template"]["spec"]


def test_what_there_is_and_that_it_is_of_one_piece() -> None:
    found = _documents()
    assert set(found) == {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget"}
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [found[kind]["spec"]["selector"] for kind in ("Deployment", "PodDisruptionBudget")]
    assert [one["matchLabels"] for one in selectors] == [labels, labels]
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["minAvailable"] < found["Deployment"]["spec"]["replicas"]


def test_kubernetes_accepts_it_and_it_runs_this_version() -> None:
    for document in _documents().values():
        check(document)
    assert _pod()["containers"][0]["image"] == f"tokend:{__version__}"


def test_its_configuration_loads_and_leaves_time_to_drain(tmp_path: Path) -> None:
    text = _documents()["ConfigMap"]["data"]["config.yaml"].replace("/run/secrets/tokend", str(tmp_path))
    (tmp_path / "demo_certificate").write_text(CERTIFICATE)
    (tmp_path / "demo_certificate").chmod(0o440)  # what fsGroup makes of 0400
    (tmp_path / "config.yaml").write_text(text)
    configuration = load(None, {}, tmp_path)
    interfaces = {one["name"]: one["containerPort"] for one in _pod()["containers"][0]["ports"]}
    assert configuration.listen is not None
    assert configuration.options.server.admin is not None
    assert isinstance(configuration.options.server.admin.listen, Listen)
    assert interfaces == {"http": configuration.listen.port, "admin": configuration.options.server.admin.listen.port}
    assert configuration.options.server.drain > 0
    assert _pod()["terminationGracePeriodSeconds"] > configuration.options.server.drain + STOP_SECONDS
    readiness = _pod()["containers"][0]["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] < configuration.options.server.drain


def test_probes_and_confinement() -> None:
    container = _pod()["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert _pod()["securityContext"]["runAsNonRoot"] is True
    assert _pod()["automountServiceAccountToken"] is False
    secret = next(one["secret"] for one in _pod()["volumes"] if "secret" in one)
    assert secret["defaultMode"] == 0o400
    assert not any("subPath" in one for one in container["volumeMounts"])
