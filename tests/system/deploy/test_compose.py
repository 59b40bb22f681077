"""deploy/compose: its file is sound, only Caddy is published, and its parts name each other's addresses."""

import ipaddress
import re
from typing import Any, Final

import pytest
import yaml
from compose_pydantic import ComposeSpecification  # type: ignore[import-untyped, import-not-found, unused-ignore]

from tests.running import DEMO, ROOT

_FOLDER: Final = ROOT / "deploy/compose"
COMPOSE: Final = yaml.safe_load((_FOLDER / "compose.yaml").read_text())
CONFIG: Final = yaml.safe_load((_FOLDER / "config.yaml").read_text())
SHIPPED: Final = yaml.safe_load((ROOT / "config.yaml").read_text())


def _services() -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"]
    return found


@pytest.mark.parametrize("path", ["compose.yaml", "deploy/compose/compose.yaml"])
def test_each_compose_file_fits_the_specification(path: str) -> None:
    ComposeSpecification(**yaml.safe_load((ROOT / path).read_text()))


def test_the_small_compose_file_serves_the_shipped_configuration_to_this_machine_alone() -> None:
    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
    assert (service["env_file"], service["ports"]) == (".env", ["127.0.0.1:8080:8080"])
    assert service["volumes"] == ["./config.yaml:/etc/tokend/config.yaml:ro"]


def test_only_caddy_is_published_and_by_default_on_this_machine_alone() -> None:
    assert [name for name, service in _services().items() if "ports" in service] == ["caddy"]
    assert all(port.startswith("${PUBLISH_ON:-127.0.0.1}:") for port in _services()["caddy"]["ports"])
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert set(_services()["redis"]["networks"]) == {"back"}
    assert set(_services()["caddy"]["networks"]) == {"front"}


def test_every_service_is_confined() -> None:
    for service in _services().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert [name for name, service in _services().items() if "cap_add" in service] == ["caddy"]


def test_the_parts_find_each_other() -> None:
    address = _services()["caddy"]["networks"]["front"]["ipv4_address"]
    (network,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert CONFIG["server"]["trusted_proxies"] == address
    assert ipaddress.ip_address(address) in ipaddress.ip_network(network["subnet"])
    assert ipaddress.IPv4Network(network["ip_range"]).subnet_of(ipaddress.IPv4Network(network["subnet"]))
    assert ipaddress.IPv4Address(address) not in ipaddress.IPv4Network(network["ip_range"])
    assert CONFIG["server"]["listen"] == "0.0.0.0:8080"
    assert "{$TOKEND_ADDRESS:tokend:8080}" in (_FOLDER / "Caddyfile").read_text()
    assert CONFIG["redis"]["url"] == {"env": "REDIS_URL"}
    assert _services()["tokend"]["environment"]["REDIS_URL"].startswith("${REDIS_URL:-redis://redis:")
    for service in _services().values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert (_FOLDER / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]


def test_the_apps_are_those_of_the_shipped_configuration() -> None:
    defaults = {key: value for key, value in CONFIG["defaults"].items() if key != "limits"}
    assert (CONFIG["apps"], defaults) == (SHIPPED["apps"], SHIPPED["defaults"])
    text = (_FOLDER / "config.yaml").read_text()
    assert set(re.findall(r"\{env: (\w+)\}", text)) == {*DEMO, "REDIS_URL"}
