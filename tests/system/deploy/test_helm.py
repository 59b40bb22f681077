"""The Helm chart: Helm lints it, Kubernetes' schemas accept what it renders, and it is confined as deploy/kubernetes is."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.deploy.helm import CHART, helm, missing, rejected, rendered
from tests.system.deploy.kubernetes_schemas import check
from tokend import __version__

PLAIN: Final = {
    document["kind"]: document for document in yaml.safe_load_all((ROOT / "deploy/kubernetes/tokend.yaml").read_text())
}
PEERS: Final = 'networkPolicy.adminFrom=[{"namespaceSelector":{}}]'
MONITORED: Final = ("--set", "serviceMonitor.enabled=true", "--set-json", PEERS)
BY_DEFAULT: Final = {"ServiceAccount", "ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}


@pytest.fixture(autouse=True)
def _helm() -> None:
    skip_or_fail(missing())


@pytest.fixture
def everything(tmp_path: Path) -> tuple[str, ...]:
    """Options that use every value."""
    values = {
        "image": {"repository": "registry.example.com/tokend", "tag": "main"},
        "imagePullSecrets": [{"name": "registry"}],
        "env": [{"name": "REDIS_URL", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "url"}}}],
        "service": {"type": "LoadBalancer", "port": 8080, "annotations": {"a": "b"}},
        "serviceAccount": {"name": "other", "annotations": {"a": "b"}},
        "podDisruptionBudget": {"minAvailable": "50%"},
        "networkPolicy": {
            "ingressFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
            "adminFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "egress": [{"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"port": 6379}]}],
        },
        "serviceMonitor": {"enabled": True, "interval": "30s", "labels": {"release": "prometheus"}},
        "ingress": {"enabled": True, "className": "nginx", "annotations": {"a": "b"}, "tlsSecret": "tls"},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    }
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    return ("--values", str(tmp_path / "values.yaml"))


def _pod(documents: dict[tuple[str, str], Any], name: str = "tokend") -> Any:
    return documents["Deployment", name]["spec"]["template"]["spec"]


def test_helm_finds_nothing_to_complain_about(everything: tuple[str, ...]) -> None:
    for options in ((), everything):
        done = helm("lint", "--strict", "--quiet", *options)
        assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_what_an_installation_consists_of(everything: tuple[str, ...]) -> None:
    assert {kind for kind, _ in rendered()} == BY_DEFAULT
    further = {kind for kind, _ in rendered(*everything)} - BY_DEFAULT
    assert further == {"ServiceMonitor", "Ingress"}
    assert "PodDisruptionBudget" not in {kind for kind, _ in rendered("--set", "replicaCount=1")}


def test_kubernetes_accepts_it(everything: tuple[str, ...]) -> None:
    settings: list[tuple[str, ...]] = [
        (),
        everything,
        ("--set", "existingSecret="),
        ("--set", "networkPolicy.egress=null"),
    ]
    settings.append(("--set", "topologySpread.zone=,topologySpread.node=", "--set", "serviceAccount.create=false"))
    for options in settings:
        for (kind, _), document in rendered(*options).items():
            if kind != "ServiceMonitor":  # the Prometheus operator's, which no schema of Kubernetes has
                check(document)


def test_names_that_yaml_would_read_as_numbers_stay_text(everything: tuple[str, ...]) -> None:
    """Kubernetes rejected the number, or the truth value."""
    names = ("existingSecret=123", "ingress.className=on", "ingress.tlsSecret=456", "serviceAccount.name=789")
    documents = rendered(*everything, *(word for name in names for word in ("--set-string", name)), release="42")
    for (kind, _), document in documents.items():
        if kind != "ServiceMonitor":
            check(document)
    assert documents["Deployment", "42-tokend"]["metadata"]["labels"]["app.kubernetes.io/instance"] == "42"
    assert documents["Ingress", "42-tokend"]["spec"]["ingressClassName"] == "on"


def test_pods_are_those_of_the_plain_manifest() -> None:
    pod, plain = _pod(rendered()), PLAIN["Deployment"]["spec"]["template"]["spec"]
    (container,), (plain_container,) = pod.pop("containers"), plain["containers"]
    assert container == {**plain_container, "imagePullPolicy": "IfNotPresent"}
    assert pod.pop("serviceAccountName") == "tokend"
    spreads = pod.pop("topologySpreadConstraints")
    assert {spread["topologyKey"] for spread in spreads} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert pod == {key: value for key, value in plain.items() if key != "containers"}
    configuration = rendered()["ConfigMap", "tokend"]["data"]["config.yaml"]
    assert yaml.safe_load(configuration) == yaml.safe_load(PLAIN["ConfigMap"]["data"]["config.yaml"])


def test_the_image_and_both_versions_are_the_servers() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
    assert _pod(rendered())["containers"][0]["image"] == f"tokend:{__version__}"


def test_every_selector_finds_the_pods_of_its_own_release_alone(everything: tuple[str, ...]) -> None:
    documents = rendered(*everything, release="blue")
    assert {name for _, name in documents} == {"blue-tokend", "blue-tokend-admin", "other"}
    deployment = documents["Deployment", "blue-tokend"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/name": "tokend", "app.kubernetes.io/instance": "blue"}
    assert deployment["selector"]["matchLabels"] == labels
    assert documents["PodDisruptionBudget", "blue-tokend"]["spec"]["selector"]["matchLabels"] == labels
    assert documents["NetworkPolicy", "blue-tokend"]["spec"]["podSelector"]["matchLabels"] == labels
    assert all(
        spread["labelSelector"]["matchLabels"] == labels
        for spread in _pod(documents, "blue-tokend")["topologySpreadConstraints"]
    )
    for name in ("blue-tokend", "blue-tokend-admin"):
        assert documents["Service", name]["spec"]["selector"] == labels
    admin = documents["Service", "blue-tokend-admin"]
    monitor = documents["ServiceMonitor", "blue-tokend"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= admin["metadata"]["labels"].items()
    assert (
        not monitor["selector"]["matchLabels"].items()
        <= documents["Service", "blue-tokend"]["metadata"]["labels"].items()
    )
    assert admin["metadata"]["labels"][monitor["jobLabel"]] == "tokend"  # the job that the alerts expect
    assert [endpoint["port"] for endpoint in monitor["endpoints"]] == [port["name"] for port in admin["spec"]["ports"]]


def test_the_admin_port_is_closed_unless_its_peers_are_named() -> None:
    by_default = rendered()["NetworkPolicy", "tokend"]["spec"]
    assert by_default["ingress"] == [{"ports": [{"port": "http"}]}]
    assert by_default["policyTypes"] == ["Ingress", "Egress"]
    opened = rendered(*MONITORED)["NetworkPolicy", "tokend"]["spec"]["ingress"]
    assert opened[1] == {"ports": [{"port": "admin"}], "from": [{"namespaceSelector": {}}]}
    assert all("8081" not in str(rendered()[key]) for key in rendered() if key[0] in ("Service", "Ingress"))


def test_no_secret_is_rendered_and_none_is_mounted_without_a_name() -> None:
    assert "Secret" not in {kind for kind, _ in rendered()}
    pod = _pod(rendered("--set", "existingSecret="))
    assert [volume["name"] for volume in pod["volumes"]] == ["config"]
    assert [mount["name"] for mount in pod["containers"][0]["volumeMounts"]] == ["config"]


def test_a_whole_file_becomes_the_configuration_byte_for_byte() -> None:
    file = ROOT / "config.yaml"
    documents = rendered("--set-file", f"config={file}")
    assert documents["ConfigMap", "tokend"]["data"]["config.yaml"] == file.read_text()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (("--set", "replicas=3"), "replicas"),
        (("--set", "serviceMonitor.interval=often"), "interval"),
        (("--set", "topologySpread.zone=Sometimes"), "zone"),
        (("--set", "topologySpread=null"), "topologySpread"),
        (("--set", "config=[broken"), "config: this is not a YAML mapping"),
        (("--set", "config="), "config"),
        (("--set", "config=server: {listen: 0.0.0.0:9000}"), "server.listen is 0.0.0.0:9000: write 0.0.0.0:8080"),
        ((*MONITORED, "--set", "config=server: {}"), "serviceMonitor.enabled needs `server: {admin: 0.0.0.0:8081}`"),
        (("--set", "serviceMonitor.enabled=true"), "networkPolicy.adminFrom: serviceMonitor.enabled needs the peers"),
    ],
)
def test_a_mistake_in_the_values_stops_the_installation(settings: tuple[str, ...], sentence: str) -> None:
    assert sentence in rejected(*settings)


def test_an_admin_listener_with_a_key_is_monitored_too() -> None:
    config = 'config=server: {admin: {listen: "0.0.0.0:8081"\\, key: "sha256:0"}}'
    assert ("ServiceMonitor", "tokend") in rendered(*MONITORED, "--set", config)
