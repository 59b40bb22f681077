"""What requests use of a configuration: its route table, the pages that may read responses, and the routes of invalid apps."""

import pytest
from msgspec.structs import replace

from tests.unit.http.running import APP_ID, DEMO, configuration_of
from tokend.issuing.active import ActiveConfiguration
from tokend.issuing.app_options import parse_path
from tokend.issuing.routing import Match, RouteTable, TakenRoute

PAGE = "https://app.example.com"
WITH_PAGE = f'{DEMO}    cors: {{origins: "{PAGE}"}}\n'
OTHER = f'  other: {{app_id: "{APP_ID}", certificate: {{env: CERTIFICATE}}, callers: {{x: {{api_key: "sha256:{"0" * 64}"}}}}}}\n'


def _active(text: str) -> ActiveConfiguration:
    configuration = configuration_of(text)
    return ActiveConfiguration(configuration, RouteTable(configuration.routes))


def test_it_finds_the_routes_of_its_apps() -> None:
    active = _active(DEMO)
    found = active.table.match("POST", None, ("demo", "v1", "token"))
    assert isinstance(found, Match)
    assert found.route is active.configuration.routes[0]


def test_a_single_app_also_decides_who_reads_what_belongs_to_no_app() -> None:
    alone, beside = (_active(text) for text in (WITH_PAGE, WITH_PAGE + OTHER))
    for active in (alone, beside):
        assert active.origins_of(active.configuration.routes[0]).allow(PAGE)
    assert alone.origins_of(None).allow(PAGE)
    assert not beside.origins_of(None).allow(PAGE)


@pytest.mark.parametrize(
    ("path", "host", "app"),
    [
        ("/bolt", None, "bolt"),
        ("/bolt/v1/token", "any.example.com", "bolt"),
        ("/watch/room", None, "bolt"),
        ("/acme/v1", "acme.example.com", "acme"),
        ("/acme/v1", "other.example.com", None),
        ("/bolts", None, None),
        ("/", None, None),
    ],
)
def test_the_routes_of_invalid_apps_are_known(path: str, host: str | None, app: str | None) -> None:
    taken = {
        "bolt": (
            TakenRoute("bolt", parse_path("/bolt"), None),
            TakenRoute("bolt", parse_path("/watch/{channel}"), None),
        ),
        "acme": (TakenRoute("acme", parse_path("/acme"), "acme.example.com"),),
        "last": (),
    }
    active = replace(_active(DEMO), taken_routes=taken)
    parts = tuple(part for part in path.split("/") if part)
    found = active.taken_at(host, parts)
    assert (None if found is None else found.app) == app


@pytest.mark.parametrize(
    ("audit", "batches"), [("", True), ("audit: {to: stdout}", False), ("audit: {to: stdout, sync: 'off'}", True)]
)
def test_responses_leave_together_unless_the_audit_is_written_for_each_token(audit: str, batches: bool) -> None:
    assert _active(f"{audit}\n{DEMO}").batches_responses is batches
