"""A server started with what the chart renders: the container's arguments, its configuration, its Secret and its probes."""

import http.client
from pathlib import Path
from typing import Final

from tests.free_ports import free_port
from tests.needs import skip_or_fail
from tests.running import CERTIFICATE, serving
from tests.system.deploy.helm import missing, rendered

_CONFIG: Final = "/etc/tokend/config.yaml"


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_probes_and_the_metrics_respond(tmp_path: Path) -> None:
    skip_or_fail(missing())
    documents = rendered()
    (container,) = documents["Deployment", "tokend"]["spec"]["template"]["spec"]["containers"]
    (tmp_path / "demo_certificate").write_text(CERTIFICATE)
    (tmp_path / "demo_certificate").chmod(0o440)  # what fsGroup makes of 0400
    admin = free_port()
    text = documents["ConfigMap", "tokend"]["data"]["config.yaml"]
    (tmp_path / "config.yaml").write_text(
        text.replace("/run/secrets/tokend", str(tmp_path)).replace("8081", str(admin))
    )
    command, option, path = container["args"]
    assert (command, option, path) == ("serve", "--config", _CONFIG)
    with serving(tmp_path, {}, option, str(tmp_path / "config.yaml")) as server:
        port = int(server.url.rpartition(":")[2])
        for probe in ("readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] == "http"
            assert _status(port, container[probe]["httpGet"]["path"]) == 200
        assert _status(admin, "/metrics") == 200
        assert _status(admin, "/-/config") == 403
        assert _status(port, "/metrics") == 404
        server.process.terminate()  # `drain: 10s` of the chart: not waited for
        server.process.kill()
