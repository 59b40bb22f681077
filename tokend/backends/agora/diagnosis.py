"""Why Agora would reject a client that joins with a token, and other facts that people who debug a token need.

The platform's limits and error codes, with their sources: docs/reference/agora-platform.md.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from tokend.backends.agora import diagnosis_006, diagnosis_ids, diagnosis_times
from tokend.backends.agora.client_errors import INVALID, INVALID_APP_ID, clients_get, product_of
from tokend.backends.agora.names import ADMINISTRATOR, PRIVILEGES, PRODUCT_NAMES, REST_SERVICES
from tokend.backends.agora.reading_006 import Reading006
from tokend.backends.contract import Diagnosis, Join, Reading
from tokend.core.model import NOT_APPLICABLE, Service

_PRODUCTS: Final = {"signaling": "rtm", "rtm2": "rtm", "video": "rtc", "voice": "rtc", "im": "chat"}
"""Other names of products."""
_FIRST_007: Final = {"rtc": "RTC SDK 3.5.2 (native), 4.2.0 (Flutter), 4.8.0 (Web)", "rtm": "RTM 1.5.0"}
"""The first SDKs that accept a 007 token."""
_FIRST_PRIVILEGES: Final = {"rtc": "join", "rtm": "login", "rtm2": "login"}
"""The privilege without which a client does not get in."""


def diagnose(reading: Reading, join: Join, now: int, app_id: str | None) -> Diagnosis:
    """Compare a token with a client's join. `now` is in Unix seconds; `app_id` is the app's own, None if unknown."""
    product = None if join.product is None else join.product.strip().lower()
    join = Join(join.channel, join.user, _PRODUCTS.get(product or "", product))
    services = [service for service in reading.grant.services if join.product in (None, product_of(service.name))]
    if isinstance(reading, Reading006) and not reading.points and join.product == "rtm":
        services = [replace(reading.grant.services[0], name="rtm")]  # nothing in it says which product it is for
    return Diagnosis(
        tuple(_problems(reading, services, join, now, app_id)), tuple(_notes(reading, services, join, now))
    )


def _problems(reading: Reading, services: Sequence[Service], join: Join, now: int, app_id: str | None) -> Iterator[str]:
    """Every reason for which Agora would reject the client."""
    names = [service.name for service in services or reading.grant.services]
    if app_id is not None:
        yield from _owner_problems(reading, app_id, names)
    yield from diagnosis_times.problems(reading, services, names, now)
    if not services and join.product is not None and "services" not in reading.hidden:
        yield _wrong_product(reading, join.product)
        return
    if isinstance(reading, Reading006):
        yield from diagnosis_006.problems(reading, services, join)
    else:
        joins_channel = join.product is None and join.channel is not None
        if joins_channel and services and not any(_has_channels(service) for service in services):
            yield _wrong_product(reading, "rtc")
        yield from diagnosis_ids.mismatches(reading.grant, services, join)
    yield from diagnosis_ids.invalid_ids(services, join)
    yield from _administrator_problems(services, join)
    yield from _certificate_problems(reading, services)


def _notes(reading: Reading, services: Sequence[Service], join: Join, now: int) -> Iterator[str]:
    """Facts that are no mistake, but that surprise people."""
    names = [service.name for service in services or reading.grant.services]
    yield from _content_notes(reading, services)
    if any(name in diagnosis_ids.MEDIA_SERVICES for name in names):
        yield (
            "Roles are enforced only if co-host authentication is enabled in the Agora console: "
            "otherwise a subscriber can publish."
        )
    products = list(dict.fromkeys(product_of(name) for name in names if product_of(name) in _FIRST_007))
    if reading.grant.format == "007" and products:
        versions = " or ".join(_FIRST_007[product] for product in products)
        yield f"007 needs {versions}, or later: {_older(products)}."
    if isinstance(reading, Reading006):
        yield f"006 is the old format: a project or SDK that expects 007 rejects it ({_codes(products)})."
        yield from diagnosis_006.notes(reading, services, join)
    yield from diagnosis_times.notes(reading, services, now)
    yield from diagnosis_ids.notes(services, join)


def _older(products: Sequence[str]) -> str:
    if len(products) == 1:
        return f"older ones give {INVALID[products[0]]}"
    return f"older ones give {_codes(products)}"


def _codes(products: Sequence[str]) -> str:
    first, *others = [f"{INVALID[product]}" if product == "rtc" else f"RTM: {INVALID[product]}" for product in products]
    return first + "".join(f", {code}" for code in others)


def _owner_problems(reading: Reading, app_id: str, names: Sequence[str]) -> Iterator[str]:
    if reading.grant.app_id != app_id:
        yield (
            f"It belongs to another App ID: with yours, {clients_get(INVALID_APP_ID, names)}. "
            "Do client and server use the same project?"
        )
    elif reading.signed_by is None and "signed_by" not in reading.hidden:
        yield (
            f"No certificate of this app signed it: {clients_get(INVALID, names)}. "
            "Is the certificate in the configuration the project's, "
            "and is it enabled in the console? (A project without one answers 119 to any token.)"
        )


def _has_channels(service: Service) -> bool:
    return service.channel is not NOT_APPLICABLE or bool(service.more_channels)


def _wrong_product(reading: Reading, product: str) -> str:
    requested = PRODUCT_NAMES.get(product, product)
    if not reading.grant.services:
        return f"It has no service, so it is not for {requested}: {clients_get(INVALID, [product])}."
    products = " and ".join(PRODUCT_NAMES.get(service.name, service.name) for service in reading.grant.services)
    if product not in INVALID:
        return f"It is for {products}, not for {requested}."
    return f"It is for {products}, not for {requested}: a token of another product is {INVALID[product]} there."


def _administrator_problems(services: Sequence[Service], join: Join) -> Iterator[str]:
    """A client cannot log in with an administrator's token."""
    if join.channel is join.user is join.product is None:
        return
    for service in services:
        if service.privileges.keys() == {ADMINISTRATOR} and service.user is NOT_APPLICABLE:
            name = PRODUCT_NAMES.get(service.name, service.name)
            yield (
                f"It is an administrator's token for the REST API of {name}, and has no user: no client can log in with it "
                f"({clients_get(INVALID, [service.name])}). Keep it on the server."
            )


def _certificate_problems(reading: Reading, services: Sequence[Service]) -> Iterator[str]:
    rest = [
        service.name for service in services if service.name in REST_SERVICES or ADMINISTRATOR in service.privileges
    ]
    if rest and reading.signed_by == "secondary":
        yield f"The secondary certificate signed it, and REST calls ({rest[0]}) take only the primary's."


def _content_notes(reading: Reading, services: Sequence[Service]) -> Iterator[str]:
    """What a token lacks, or has too much of."""
    if not reading.grant.services and "services" not in reading.hidden:
        yield "It has no service: no product accepts it. Did the server add one to the token before it was built?"
    if "services" in reading.hidden:
        yield "It holds a service of a type that tokend does not know; that service and later ones are not shown."
    for service in services:
        if not service.privileges and PRIVILEGES[service.name]:
            yield (
                f"Its {service.name} service has no privileges at all. People report that this works, "
                "but it is no documented use: add the privileges of the role."
            )
        elif (first := _FIRST_PRIVILEGES.get(service.name)) and first not in service.privileges:
            yield (
                f"Its {service.name} service has no privilege {first}, only {', '.join(service.privileges)}: "
                f"without {first} a client may be rejected ({clients_get(INVALID, [service.name])})."
            )
        if ADMINISTRATOR in service.privileges:
            yield (
                f"It administers {PRODUCT_NAMES.get(service.name, service.name)} through the REST API: "
                "whoever has it can act for every user. It is not for clients."
            )
