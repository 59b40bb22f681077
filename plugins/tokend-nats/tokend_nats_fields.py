"""Options and fields of the kind `nats`, and the form of subjects and keys."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from tokend_nkeys import ACCOUNT, USER, AccountKey, public_key

from tokend.plugins import SecretList, StrictModel, invalid

CONNECTIONS: Final = ("STANDARD", "WEBSOCKET", "MQTT", "MQTT_WS")
LEAF_NODES: Final = ("LEAFNODE", "LEAFNODE_WS")
_TOKEN: Final = re.compile(r"[^\s.*>\x00-\x1f\x7f-\x9f]+")


def a_subject(text: str) -> str:
    """Check a subject: https://docs.nats.io/nats-concepts/subjects. The server accepts others, which never match."""
    *front, last = text.split(".")
    if any(token != "*" and _TOKEN.fullmatch(token) is None for token in front) or not (
        last in ("*", ">") or _TOKEN.fullmatch(last)
    ):
        raise invalid("must be a subject: tokens between dots, without spaces, * alone in a token, > alone in the last")
    return text


def a_user_key(text: str) -> str:
    """Check a user's public key."""
    try:
        public_key(USER, text)
    except ValueError as error:
        raise invalid("must be the public key of a user's nkey: U and 55 further characters") from error
    return text


def an_account_key(text: str) -> str:
    """Check an account's public key."""
    try:
        public_key(ACCOUNT, text)
    except ValueError as error:
        raise invalid("must be the public key of an account: A and 55 further characters") from error
    return text


def account_seeds(seeds: SecretList) -> SecretList:
    """Check the seeds of an account, or of its signing keys."""
    for seed in seeds:
        try:
            AccountKey(seed.reveal())
        except ValueError:
            raise invalid(
                "must be the seed of an account or of its signing key: SA and 56 further characters"
            ) from None
    return seeds


# no documented limits of subjects, tags and amounts: ours; `LARGEST` bounds them together. Tags are in lower case, as
# TagList of v2/types.go in github.com/nats-io/jwt makes them
Subjects = Annotated[list[Annotated[str, Field(max_length=255), AfterValidator(a_subject)]], Field(max_length=64)]
Amount = Annotated[int, Field(ge=0, lt=1 << 31)]


class NatsOptions(StrictModel):
    """What the configuration says below `backends: {nats: …}`."""

    account: Annotated[str, AfterValidator(an_account_key)] = Field(
        description="the account's public key, A…",
        examples=["AA5QYBIDVPRF2HUE7IZ2L4VDBUGBX3IZ2KYA6THDYHYQBKCR2HVKH6SL"],
    )
    seed: Annotated[SecretList, AfterValidator(account_seeds)] = Field(
        description="the seed of the account or of a signing key, SA…, or a list: the first signs, all verify"
    )


class Respond(StrictModel):
    """To answer requests: how many messages each, and for how many seconds."""

    messages: int = Field(default=1, ge=1, lt=1 << 31)
    seconds: int = Field(default=60, ge=1, le=86_400)


class NatsFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    user: str | None = Field(default=None, description="the user's name", examples=["ann"])
    public_key: Annotated[str, AfterValidator(a_user_key)] | None = Field(
        default=None, description="U…, of the client's nkey"
    )
    publish: Subjects = Field(default=[], description="subjects to publish to")
    subscribe: Subjects = Field(default=[], description="subjects to subscribe to", examples=[["lobby.>"]])
    publish_deny: Subjects = Field(default=[], description="subjects excepted from publish")
    subscribe_deny: Subjects = Field(default=[], description="subjects excepted from subscribe")
    inbox: bool = Field(
        default=False, description="to receive answers at subjects that begin with _INBOX_ and the public key"
    )
    respond: Respond | None = Field(default=None, description="to answer requests at their reply subjects")
    # with 0 subscriptions the server closes each connection
    max_subscriptions: Annotated[Amount, Field(ge=1)] | None = Field(
        default=None, description="at most so many subscriptions"
    )
    max_payload: Amount | None = Field(default=None, description="bytes of a message")
    bearer: bool = Field(default=False, description="the token alone logs in, without an nkey", examples=[True])
    connection_types: list[Literal["STANDARD", "WEBSOCKET", "MQTT", "MQTT_WS", "LEAFNODE", "LEAFNODE_WS"]] = Field(
        default=[*CONNECTIONS], min_length=1, description="how the client may connect"
    )
    tags: list[Annotated[str, Field(pattern=r"^[a-z0-9:_.-]{1,64}$")]] = Field(
        default=[], max_length=16, description="tags of the user, in lower case"
    )
