"""An account with every vendor, and what the configuration says of it.

Credentials are `sandbox` everywhere, and so are the lists called 1.
"""

from collections.abc import Sequence

from orchestration.lib.sandbox.brevo import Brevo
from orchestration.lib.sandbox.gateway import Gateway
from orchestration.lib.sandbox.google import Google
from orchestration.lib.sandbox.hubspot import Hubspot
from orchestration.lib.sandbox.klaviyo import Klaviyo
from orchestration.lib.sandbox.mailchimp import Mailchimp
from orchestration.lib.sandbox.meta import Meta
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.sendgrid import Sendgrid
from orchestration.lib.sandbox.vendor import Vendor
from orchestration.lib.sandbox.yandex import Yandex

SECRET = "sandbox"
#: The environment variable that every destination of the sandbox reads it from.
SECRET_ENV = "SANDBOX"

#: By destination: its keys, and the fields of an audience with an address and names.
_DESTINATIONS: dict[str, tuple[str, str]] = {
    "brevo": (
        'lists = { winback = 1 }\napi_key_env = "SANDBOX"\nbase_url = "{url}/brevo"',
        'email = "email"\nFIRSTNAME = "first_name"',
    ),
    "google": (
        'audiences = { winback = "1" }\naccount_id = "1"\nclient_id = "sandbox"\n'
        'client_secret_env = "SANDBOX"\nrefresh_token_env = "SANDBOX"\n'
        "are_terms_accepted = true\npoll_seconds = 0.2\n"
        'base_url = "{url}/google"\ntoken_url = "{url}/google/token"',
        'email = "email"',
    ),
    "hubspot": (
        'list_id = "1"\ntoken_env = "SANDBOX"\nbase_url = "{url}/hubspot"',
        'email = "email"\nfirstname = "first_name"',
    ),
    "klaviyo": (
        'list_id = "1"\nkey_env = "SANDBOX"\npoll_seconds = 0.2\n'
        'base_url = "{url}/klaviyo"',
        'email = "email"\nfirst_name = "first_name"',
    ),
    "mailchimp": (
        'list_id = "1"\nkey_env = "SANDBOX"\npoll_seconds = 0.2\n'
        'base_url = "{url}/mailchimp/3.0"',
        'email_address = "email"\nFNAME = "first_name"',
    ),
    "meta": (
        'audiences = { winback = "1" }\naccess_token_env = "SANDBOX"\n'
        'base_url = "{url}/meta"',
        'EMAIL = "email"',
    ),
    "sendgrid": (
        'list_id = "1"\nkey_env = "SANDBOX"\npoll_seconds = 0.2\n'
        'base_url = "{url}/sendgrid"',
        'email = "email"\nfirst_name = "first_name"',
    ),
    "webhook": (
        'url = "{url}/webhook/audiences"',
        'email = "email"\nfirst_name = "first_name"',
    ),
    "yandex": ('token_env = "SANDBOX"\nbase_url = "{url}/yandex"', 'email = "email"'),
}


def vendors() -> list[Vendor]:
    """Every vendor with an account and an empty list."""
    return [
        Brevo(SECRET, [1]),
        Gateway(SECRET),
        Google(SECRET, ["1"]),
        Hubspot(
            SECRET,
            {"1": "MANUAL"},
            {"firstname": "string", "crm360_id": "string"},
            ["crm360_id"],
        ),
        Klaviyo(SECRET, ["1"]),
        Mailchimp(SECRET, ["1"], {"FNAME": "text"}),
        Meta(SECRET),
        Sendgrid(SECRET, ["1"], {}),
        WebhookReceiver(),
        Yandex(SECRET),
    ]


def configuration(
    url: str,
    destinations: Sequence[str] = tuple(_DESTINATIONS),
    *,
    hold_first_send: bool = True,
) -> str:
    """What `crm360.toml` says to send the audience `winback` to them.

    Args:
        url: of the sandbox.
        destinations: those of its vendors that it goes to, beside the outbox.
        hold_first_send: whether the first plan for each waits for a person.
    """
    names = ", ".join(f'"{name}"' for name in ("outbox", *destinations))
    parts = [f"[audiences.winback]\ndestinations = [{names}]"]
    if not hold_first_send:
        parts[0] += "\nhold_first_send = false"
    for name in destinations:
        options, fields = _DESTINATIONS[name]
        parts.append(
            f'[destinations.{name}]\ntype = "{name}"\n{options.replace("{url}", url)}'
        )
        parts.append(f"[audiences.winback.syncs.{name}.fields]\n{fields}")
    return "\n\n".join(parts) + "\n"
