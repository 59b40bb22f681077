"""A rule that names one user: each kind fills it in, and its answer has only fields of the kind."""

import pytest

from tests.unit.issuing.making import CREDENTIALS, app, backends, permitted, rule
from tokend.backends.agora.combined import Combined
from tokend.config.entry_points import BACKENDS, installed
from tokend.core.model import TokenRequest

AGORA = sorted(
    name
    for name in installed(BACKENDS.name)
    if BACKENDS.load(name).vendor == "agora"
    and BACKENDS.load(name).Fields.model_fields  # fpa has neither user nor field
)


@pytest.mark.parametrize("kind", AGORA)
def test_what_is_filled_in_are_fields_of_the_kind(kind: str) -> None:
    backend = BACKENDS.load(kind)
    filled = backend(backend.Options(), CREDENTIALS).filled("7")
    assert filled.keys() <= backend.Fields.model_fields.keys()


@pytest.mark.parametrize("named", [{"account": "ann"}, {}])
def test_combined_takes_the_user_of_a_rule(named: dict[str, str]) -> None:
    of = app(
        rule(user="ann", kinds=("combined", "rtc", "rtm")),
        built={**backends(), "combined": Combined(Combined.Options(), CREDENTIALS)},
    )
    services = [{"kind": "rtc", "channel": "c", **named}, {"kind": "rtm"}]
    permit = permitted(of, TokenRequest("combined", {"services": services}))
    assert {service.user for service in permit.grant.services} == {"ann"}
    assert permit.filled == {}
