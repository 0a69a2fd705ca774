"""Places that audiences are sent to, by the `type` that the configuration gives.

A destination is imported when it is asked for: the libraries of all of them together
take seconds to load.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from orchestration.lib.activation.destinations.base import (
    Destination,
    SnapshotDestination,
)

_CLASSES = {
    "brevo": "brevo.BrevoDestination",
    "file": "files.FileDestination",
    "gateway": "gateway.GatewayDestination",
    "google": "google.GoogleDestination",
    "hubspot": "hubspot.HubspotDestination",
    "klaviyo": "klaviyo.KlaviyoDestination",
    "mailchimp": "mailchimp.MailchimpDestination",
    "meta": "meta.MetaDestination",
    "postgresql": "postgresql.PostgresqlDestination",
    "s3": "s3.S3Destination",
    "sendgrid": "sendgrid.SendgridDestination",
    "sftp": "sftp.SftpDestination",
    "sheets": "sheets.SheetsDestination",
    "site": "site.SiteDestination",
    "tryton": "tryton.TrytonDestination",
    "webhook": "webhook.WebhookDestination",
    "yandex": "yandex.YandexDestination",
}


class _Types(Mapping[str, type[Destination[Any]] | type[SnapshotDestination[Any]]]):
    def __getitem__(
        self, name: str
    ) -> type[Destination[Any]] | type[SnapshotDestination[Any]]:
        module, cls = _CLASSES[name].split(".")
        found: type[Destination[Any]] | type[SnapshotDestination[Any]] = getattr(
            import_module(f"{__name__}.{module}"), cls
        )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


TYPES = _Types()
