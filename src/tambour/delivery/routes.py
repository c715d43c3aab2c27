"""
From settings to routes: each channel with the way its messages are made.

A mail is prepared once per frozen content and filled per recipient; a post goes out as
it was frozen. Knows neither retries nor waves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NoReturn
from urllib.parse import urlsplit

from tambour.channels import Channel, Shut, make_channel
from tambour.composing.identity import idempotency_key
from tambour.composing.mail import Addressed, MailHead, PreparedMail, prepare
from tambour.composing.signers import Signer
from tambour.config import (
    ChannelSettings,
    Config,
    OutboxChannel,
    SmtpChannel,
)
from tambour.delivery.keys import read_signers
from tambour.delivery.world import Composed, LaneLimits, Route
from tambour.errors import ConfigError, LedgerError, UserError
from tambour.ledger import Ledger
from tambour.ledger.records import Content, Leased
from tambour.model import Message, Rendered

_AHEAD = 8
"""How many messages a connection to gentle destinations may have waiting for it."""

_PREPARED = 32
"""How many editions' words, in one language each, stay ready at once."""


def make_routes(
    config: Config, ledger: Ledger, *, clock: Callable[[], datetime]
) -> list[Route]:
    """
    Return a route for each channel of the settings.

    Raises:
        LedgerError: the ledger was opened to read, and has no key.

    """
    if ledger.secret is None:
        msg = "the ledger was opened to read; sending needs its key"
        raise LedgerError(msg)
    return [
        make_route(
            name,
            make_channel(name, settings, config.root, clock=clock),
            config,
            secret=ledger.secret,
            clock=clock,
        )
        for name, settings in config.channels.items()
    ]


def make_route(
    name: str,
    channel: Channel,
    config: Config,
    *,
    secret: bytes,
    clock: Callable[[], datetime],
) -> Route:
    """
    Return the route of the channel *name* of *config*; *clock* dates its mails.

    Where a key that should sign its mail cannot be used, the channel is shut.
    """
    settings = config.channels[name]
    signers: tuple[Signer, ...] = ()
    try:
        signers = read_signers(settings, config.root)
    except ConfigError as error:
        channel = Shut(code="bad-key", why=str(error))
    compose = Composer(config, settings, secret=secret, clock=clock, signers=signers)
    if not isinstance(settings, SmtpChannel):
        return Route(
            name=name,
            channel=channel,
            compose=compose,
            rates=() if isinstance(settings, OutboxChannel) else settings.rate,
            on_uncertain=settings.on_uncertain,
        )
    lanes = {domain: limits.name for limits in settings.domains for domain in limits.of}
    return Route(
        name=name,
        channel=channel,
        compose=compose,
        rates=settings.rate,
        warm_up=settings.warm_up,
        lanes={
            limits.name: LaneLimits(
                rates=limits.rate, most_in_flight=_AHEAD * limits.connections
            )
            for limits in settings.domains
        },
        lane_of=partial(_lane_of, lanes),
        on_uncertain=settings.on_uncertain,
    )


def _lane_of(lanes: Mapping[str, str], address: str) -> str:
    return lanes.get(address.rpartition("@")[2].lower(), "")


class Composer:
    """Makes the messages of one channel."""

    def __init__(
        self,
        config: Config,
        settings: ChannelSettings,
        *,
        secret: bytes,
        clock: Callable[[], datetime],
        signers: Sequence[Signer] = (),
        test_id: str = "",
    ) -> None:
        self._signers = signers
        self._test_id = test_id
        self._config = config
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._prepared: dict[object, PreparedMail] = {}

    def __call__(self, leased: Leased, content: Content) -> Composed:
        """
        Return the message of a leased delivery, the same but for Date at every try.

        Raises:
            ConfigError: the channel's sender is no address.

        """
        if content.rendered is None:
            message = self._post(leased, content)
            return Composed(key=message.key, write=lambda: message)
        mail = self._prepared.get(leased.content)
        if mail is None:
            mail = self._prepare(leased, content, content.rendered)
        if self._test_id:
            key = f"<test.{self._test_id}@{mail.domain}>"
        else:
            key = mail.message_id(leased.recipient)
        try:
            own = mail.address(leased.recipient, message_id=key)
        except UserError as error:
            return Composed(key, partial(_refuse, error))
        return Composed(key, partial(self._write, mail, leased, key, own))

    def _write(
        self, mail: PreparedMail, leased: Leased, key: str, own: Addressed
    ) -> Message:
        content = mail.finish(own, now=self._clock())
        is_plain = mail.is_plain and own.spec.isascii()
        return Message(
            leased.id, own.spec, key, content, mail.sender, is_plain=is_plain
        )

    def _post(self, leased: Leased, content: Content) -> Message:
        account = leased.recipient.address
        return Message(
            delivery=leased.id,
            recipient=account,
            key=idempotency_key(
                self._secret,
                edition=leased.edition,
                channel=leased.channel,
                account=account,
            ),
            content=(content.payload or "").encode(),
        )

    def _prepare(
        self, leased: Leased, content: Content, rendered: Rendered
    ) -> PreparedMail:
        is_test = bool(self._test_id)
        head = mail_head(self._config, self._settings, leased, is_test=is_test)
        mail = prepare(rendered, head, secret=self._secret, signers=self._signers)
        if content.address is not None:
            return mail
        while len(self._prepared) >= _PREPARED:
            del self._prepared[next(iter(self._prepared))]
        self._prepared[leased.content] = mail
        return mail


def _refuse(error: UserError) -> NoReturn:
    raise error


def mail_head(
    config: Config, settings: ChannelSettings, leased: Leased, *, is_test: bool = False
) -> MailHead:
    """Return what the headers of a mail need to know."""
    smtp = settings if isinstance(settings, SmtpChannel) else None
    return MailHead(
        sender=_sender(config, settings),
        reply_to=smtp.reply_to if smtp else None,
        site_name=config.site.name,
        unsubscribe_address=(smtp.unsubscribe or "") if smtp else "",
        unsubscribe_base=config.serve.url if config.serve else None,
        campaign=leased.campaign,
        audience=leased.audience,
        kind=leased.kind,
        edition=leased.edition,
        channel=leased.channel,
        test=is_test,
    )


def _sender(config: Config, settings: ChannelSettings) -> str:
    if isinstance(settings, SmtpChannel | OutboxChannel) and settings.sender:
        return settings.sender
    host = urlsplit(config.site.url).hostname or "localhost"
    return f'"{config.site.name}" <tambour@{host}>'
