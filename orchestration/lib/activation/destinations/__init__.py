"""Places that audiences are sent to, by the `type` that the configuration gives."""

from typing import Any

from orchestration.lib.activation.destinations.base import (
    Destination,
    SnapshotDestination,
)
from orchestration.lib.activation.destinations.brevo import BrevoDestination
from orchestration.lib.activation.destinations.files import FileDestination
from orchestration.lib.activation.destinations.gateway import GatewayDestination
from orchestration.lib.activation.destinations.google import GoogleDestination
from orchestration.lib.activation.destinations.hubspot import HubspotDestination
from orchestration.lib.activation.destinations.klaviyo import KlaviyoDestination
from orchestration.lib.activation.destinations.mailchimp import MailchimpDestination
from orchestration.lib.activation.destinations.meta import MetaDestination
from orchestration.lib.activation.destinations.postgresql import PostgresqlDestination
from orchestration.lib.activation.destinations.s3 import S3Destination
from orchestration.lib.activation.destinations.sendgrid import SendgridDestination
from orchestration.lib.activation.destinations.sftp import SftpDestination
from orchestration.lib.activation.destinations.site import SiteDestination
from orchestration.lib.activation.destinations.webhook import WebhookDestination
from orchestration.lib.activation.destinations.yandex import YandexDestination

TYPES: dict[str, type[Destination[Any]] | type[SnapshotDestination[Any]]] = {
    "brevo": BrevoDestination,
    "file": FileDestination,
    "gateway": GatewayDestination,
    "google": GoogleDestination,
    "hubspot": HubspotDestination,
    "klaviyo": KlaviyoDestination,
    "mailchimp": MailchimpDestination,
    "meta": MetaDestination,
    "postgresql": PostgresqlDestination,
    "s3": S3Destination,
    "sendgrid": SendgridDestination,
    "sftp": SftpDestination,
    "site": SiteDestination,
    "webhook": WebhookDestination,
    "yandex": YandexDestination,
}
