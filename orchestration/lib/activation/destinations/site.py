"""Audiences as JSON that a web site looks people up in: `<folder>/<audience>.json`.

    {"audience": "winback", "count": 2, "members": {
    "5b0c...": {"segment": "at_risk", "offer": "10"},
    "9f86...": {"segment": "lost"}
    }}

A member is known by a hash of their contact, in lower case hexadecimals:

    plain    sha256(lower(trim(contact)))
    salted   sha256(salt + plain)

Neither the contact itself nor the customer's id is in it, and no field that is null.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from orchestration.lib.activation.destinations.base import (
    Capabilities,
    Options,
    SnapshotDestination,
)
from orchestration.lib.activation.destinations.lists import replacing
from orchestration.lib.activation.mapping import MEMBER


@dataclass(frozen=True, kw_only=True)
class SiteOptions(Options):
    """Which folder, and what a member is looked up by."""

    #: Below the home folder unless absolute.
    folder: str = "site"
    #: The mapped field with the contact.
    contact: str = "email"
    #: The environment variable with the salt; without one hashes are plain.
    salt_env: str = ""


class SiteDestination(SnapshotDestination[SiteOptions]):
    """A folder with a document of each audience, by hashes of contacts."""

    options_type = SiteOptions

    @classmethod
    def capabilities(cls, options: SiteOptions) -> Capabilities:
        """All members at once, each contact once, and only as a hash."""
        return Capabilities(
            key=f"{{{options.contact}}}",
            in_doubt_by="state",
            modes=("mirror",),
            required=(options.contact,),
            transforms={options.contact: "sha256(lower(trim({value})))"},
        )

    @property
    def file_format(self) -> str:
        """One object per line, so that it is read member by member."""
        return "jsonl"

    def holds(self, audience: str) -> bool:
        """Whether the document is there."""
        return self._target(audience).exists()

    def put(self, audience: str, file: Path, members: int) -> None:
        """Replace the document, so that a reader sees the old one or the new one."""
        about = json.dumps({"audience": audience, "count": members})
        with (
            replacing(self._target(audience)) as temporary,
            file.open(encoding="utf-8") as lines,
            temporary.open("w", encoding="utf-8", newline="\n") as document,
        ):
            document.write(f'{about[:-1]}, "members": {{')
            for number, line in enumerate(lines):
                document.write(",\n" if number else "\n")
                document.write(self._member(json.loads(line)))
            document.write("\n}}\n")

    def _member(self, fields: dict[str, object]) -> str:
        key = str(fields[self.options.contact])
        if salt := self.secrets.get("salt_env"):
            key = hashlib.sha256(f"{salt}{key}".encode()).hexdigest()
        shown = {
            name: value
            for name, value in fields.items()
            if name not in (MEMBER, self.options.contact) and value is not None
        }
        return f'"{key}": {json.dumps(shown, ensure_ascii=False)}'

    def _target(self, audience: str) -> Path:
        return self.home / self.options.folder / f"{audience}.json"
