"""A backend that breaks the contract, in a running application: an error, no token, and the suite fails for it too."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from msgspec.structs import replace

from tests.assembling import assemble
from tests.unit.http.running import APP_ID, CERTIFICATE, Serving
from tokend.backends.agora.rtm import Rtm
from tokend.backends.contract import Backend, Mismatch
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.declarations import CONNECT, FREE, Declarations
from tokend.core.model import NOT_APPLICABLE, Grant, Issuance, Service
from tokend.issuing.configuration import Configuration
from tokend.plugins import Minted
from tokend.testing.backends import BackendConformance

_YAML: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    backends: [rtm, wrong]
    callers:
      anybody: {{anonymous: true, rules: [{{capabilities: [wildcard_user, wildcard_channel, app_admin]}}]}}
    routes: [{{path: /}}]
"""


def _with(**changes: object) -> type[Backend]:
    """A backend whose grants have a service with these changes."""

    class Changed(Rtm):
        vendor: ClassVar[str | None] = None

        def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
            grant = super().grant(fields, ttl, user)
            return replace(grant, services=(replace(grant.services[0], **changes),))

    return Changed


def _granting(change: Callable[[Grant], Any]) -> type[Backend]:
    class Changed(Rtm):
        vendor: ClassVar[str | None] = None

        def grant(self, fields: Any, ttl: int, user: str | None = None) -> Any:
            return change(super().grant(fields, ttl, user))

    return Changed


def _minting(change: Callable[[Minted], Any]) -> type[Backend]:
    class Changed(Rtm):
        vendor: ClassVar[str | None] = None
        extras: ClassVar[tuple[str, ...]] = ("user", "password")

        def mint(self, grant: Grant, issuance: Issuance) -> Any:
            return change(super().mint(grant, issuance))

    return Changed


def _changing(change: Callable[[Any], None], *, in_verify: bool = False) -> type[Backend]:
    """A backend that writes into the service of a grant that the rules have judged already."""

    class Changed(Rtm):
        vendor: ClassVar[str | None] = None
        details: ClassVar[Any] = {"name": FREE}
        declarations: Any = Declarations(Rtm.services, {"login": CONNECT}, details)

        def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
            grant = super().grant(fields, ttl, user)
            return replace(grant, services=(replace(grant.services[0], detail={"name": ["Ann"]}),))

        def mint(self, grant: Grant, issuance: Issuance) -> Minted:
            if not in_verify:
                change(grant.services[0])
            return super().mint(grant, issuance)

        def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
            change(grant.services[0])
            return None

    return Changed


def _fail(_: object) -> Any:
    raise RuntimeError(CERTIFICATE)


def _exit(_: object) -> Any:
    raise SystemExit(CERTIFICATE)


WRONG: Final[Mapping[str, tuple[type[Backend], int]]] = {
    "undeclared_privilege": (_with(privileges={"administrate_everything": 60}), 403),
    "user_none": (_with(user=None), 500),
    "user_empty": (_with(user=""), 500),
    "user_not_applicable": (_with(user=NOT_APPLICABLE), 500),
    "channel_undeclared": (_with(channel="stage"), 500),
    "more_users_list": (_with(more_users=["bob"]), 500),
    "more_users_empty_text": (_with(more_users=("",)), 500),
    "undeclared_detail": (_with(detail={"users": ["bob"]}), 403),
    "derived_from_number": (_with(derived_from=7), 500),
    "ttl_beyond": (_granting(lambda grant: replace(grant, ttl=360_000)), 500),
    "ttl_bool": (_granting(lambda grant: replace(grant, ttl=True)), 500),
    "privilege_beyond_ttl": (_with(privileges={"login": 360_000}), 500),
    "privilege_zero": (_with(privileges={"login": 0}), 500),
    "privilege_bool": (_with(privileges={"login": True}), 500),
    "other_app": (_granting(lambda grant: replace(grant, app_id="0" * 32)), 500),
    "no_services": (_granting(lambda grant: replace(grant, services=())), 500),
    "services_list": (_granting(lambda grant: replace(grant, services=list(grant.services))), 500),
    "service_of_another_kind": (_granting(lambda grant: replace(grant, services=(Service("rtc"),))), 500),
    "service_of_another_type": (_granting(lambda grant: replace(grant, services=({"name": "rtm"},))), 500),
    "no_grant": (_granting(lambda _: None), 500),
    "grant_raises": (_granting(_fail), 500),
    "grant_exits": (_granting(_exit), 500),
    "privileges_list": (_with(privileges=["login"]), 500),
    "detail_list": (_with(detail=["login"]), 500),
    "format_none": (_granting(lambda grant: replace(grant, format=None)), 500),
    "app_id_number": (_granting(lambda grant: replace(grant, app_id=7)), 500),
    "more_users_none": (_with(more_users=None), 500),
    "extra_replaces_user": (_minting(lambda minted: replace(minted, extra={"user": "bob"})), 500),
    "no_minted": (_minting(lambda minted: minted.token), 500),
    "mint_raises": (_minting(_fail), 500),
    "mint_exits": (_minting(_exit), 500),
    "renewal_at_once": (_minting(lambda minted: replace(minted, renew_after=0)), 500),
    "renewal_beyond_ttl": (_minting(lambda minted: replace(minted, renew_after=360_000)), 500),
    "extra_not_read_back": (_minting(lambda minted: replace(minted, extra={"password": "x"})), 500),
    "extra_undeclared": (_minting(lambda minted: replace(minted, extra={"hint": "x"})), 500),
    "mint_changes_a_privilege": (_changing(lambda service: service.privileges.update(login=1)), 500),
    "mint_adds_a_privilege": (_changing(lambda service: service.privileges.update(admin=1)), 500),
    "mint_changes_a_detail": (_changing(lambda service: service.detail.update(name="Teacher")), 500),
    "mint_changes_within_a_detail": (_changing(lambda service: service.detail["name"].append("Teacher")), 500),
    "mint_adds_no_data": (_changing(lambda service: service.detail.update(name=object())), 500),
    "verify_changes_a_privilege": (_changing(lambda service: service.privileges.update(login=1), in_verify=True), 500),
}


def _configuration(wrong: type[Backend], text: str = _YAML) -> Configuration:
    return assemble(
        parse(text, "config.yaml"),
        "config.yaml",
        Secrets({"CERTIFICATE": CERTIFICATE}, Path()),
        {"wrong": wrong},
    )


@pytest.mark.parametrize(("wrong", "status"), WRONG.values(), ids=WRONG)
async def test_nothing_is_released(serving: Serving, wrong: type[Backend], status: int) -> None:
    async with serving(_configuration(wrong)) as server:
        reply = await server.token_request("POST", "/v1/token", {"kind": "wrong", "user": "ann", "ttl": 600})
        assert reply.status == status, reply.body
        assert b"007" not in reply.body
        assert CERTIFICATE.encode() not in reply.body + server.log.getvalue()
        assert (await server.token_request("POST", "/v1/token", {"kind": "rtm", "user": "ann"})).status == 200


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in WRONG.values()], ids=WRONG)
def test_the_suite_fails(wrong: type[Backend]) -> None:
    requests = ({"user": "ann"}, {"user": "bob"})
    suite: BackendConformance = type("Suite", (BackendConformance,), {"backend": wrong, "token_requests": requests})()
    with pytest.raises(AssertionError):
        suite.test_every_grant_keeps_to_the_declarations()
        suite.test_what_is_minted_keeps_to_the_contract()


def _user_methods(**methods: Callable[..., Any]) -> type[Backend]:
    """A backend with these methods for a user that comes from a rule."""
    return type("Changed", (Rtm,), {"vendor": None, **methods})


WRONG_USERS: Final[Mapping[str, type[Backend]]] = {
    "names_user_raises": _user_methods(names_user=lambda *_: _fail(0)),
    "names_user_exits": _user_methods(names_user=lambda *_: _exit(0)),
    "filled_raises": _user_methods(filled=lambda *_: _fail(0)),
    "filled_exits": _user_methods(filled=lambda *_: _exit(0)),
    "filled_none": _user_methods(filled=lambda *_: None),
    "filled_no_data": _user_methods(filled=lambda *_: {"user": object()}),
    "filled_replaces_token": _user_methods(filled=lambda *_: {"token": "x"}),
}


@pytest.mark.parametrize("wrong", WRONG_USERS.values(), ids=WRONG_USERS)
async def test_a_wrong_user_of_a_rule_releases_nothing(serving: Serving, wrong: type[Backend]) -> None:
    text = _YAML.replace("[{capabilities", "[{user: ann, capabilities")
    async with serving(_configuration(wrong, text)) as server:
        requests = [{"kind": "wrong"}, {"kind": "rtm"}]
        reply = await server.token_request("POST", "/v1/tokens", {"requests": requests})
        assert reply.status == 200, reply.body
        failed, issued = reply.json["results"]
        assert failed["error"]["code"] == "internal"
        assert issued["user"] == "ann"
        assert (await server.token_request("POST", "/v1/token", {"kind": "wrong"})).status == 500
        assert CERTIFICATE.encode() not in reply.body + server.log.getvalue()


@pytest.mark.parametrize("wrong", WRONG_USERS.values(), ids=WRONG_USERS)
def test_the_suite_fails_for_a_wrong_user_of_a_rule(wrong: type[Backend]) -> None:
    attributes = {"backend": wrong, "token_requests": ({"user": "ann"},), "unnamed": ({},)}
    suite: BackendConformance = type("Suite", (BackendConformance,), attributes)()
    with pytest.raises(AssertionError):
        suite.test_a_user_is_filled_in_where_none_is_named()
