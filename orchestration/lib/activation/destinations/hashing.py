"""Contacts as each platform hashes them: SQL for `Capabilities.transforms`.

The same person has another digest on every platform: Meta hashes the digits of a phone,
Google its plus as well; Google alone strips dots and tags from Gmail addresses. A value
that a platform could never match is null, so that a bad phone costs an identifier and
neither its row nor the batch; what is a hash already is not hashed again.

An advertising platform that is asked to remove a member needs the very identifiers that
it was given. They are hashes, so they are what the member is known by: `known_by` is
the SQL of that, and `identifiers` takes it apart again.
"""

from collections.abc import Mapping, Sequence


def _stripped(value: str) -> str:
    return rf"regexp_replace({value}, '^\s+|\s+$', '', 'g')"


def _only(value: str, pattern: str) -> str:
    """The value where it is of this form, else null."""
    return f"case when regexp_full_match({value}, '{pattern}') then {value} end"


def _without(value: str, pattern: str) -> str:
    """The value without what matches, or null where nothing is left."""
    return f"nullif(regexp_replace({value}, '{pattern}', '', 'g'), '')"


def _hashed(function: str, digits: int, normalised: str) -> str:
    """The hash of a normalised value, or the value where it is such a hash."""
    given = f"lower({_TEXT})"
    is_hash = f"regexp_full_match({given}, '[0-9a-f]{{{{{digits}}}}}')"
    return f"case when {is_hash} then {given} else {function}({normalised}) end"


def _sha256(normalised: str) -> str:
    return _hashed("sha256", 64, normalised)


_TEXT = _stripped("cast({value} as varchar)")
_LOWER = f"lower(nfc_normalize({_TEXT}))"
_DAY = "try_cast({value} as date)"

_ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_EMAIL = _only(_LOWER, _ADDRESS)

_SPACELESS = rf"regexp_replace({_LOWER}, '\s', '', 'g')"
_GMAIL = r"@(gmail|googlemail)\.com$"
_GOOGLE_EMAIL = _only(
    f"case when regexp_matches({_SPACELESS}, '{_GMAIL}') then concat("
    f"replace(regexp_extract({_SPACELESS}, '^[^@+]*'), '.', ''),"
    f" regexp_extract({_SPACELESS}, '@.*$')) else {_SPACELESS} end",
    _ADDRESS,
)

#: A phone in E.164, whatever is between its digits; null without a plus, as nobody can
#: tell which country a national number is of.
E164 = (
    rf"case when regexp_full_match({_TEXT}, '\+[1-9][0-9 ().-]*') and"
    rf" length(regexp_replace({_TEXT}, '[^0-9]', '', 'g')) between 8 and 15"
    rf" then concat('+', regexp_replace({_TEXT}, '[^0-9]', '', 'g')) end"
)
_DIGITS = f"substr({E164}, 2)"

_LETTERS = _without(f"strip_accents({_LOWER})", "[^a-z]")
_NAME = _without(_LOWER, r"[\pP\pS\s]")
_POSTCODE = _without(_LOWER, r"\s")
#: Five digits of the nine of the United States; district and sector of Great Britain.
_META_POSTCODE = (
    f"regexp_replace(regexp_replace({_POSTCODE}, '^([0-9]{{{{5}}}})-[0-9]{{{{4}}}}$',"
    r" '\1'), '^([a-z]{{1,2}}[0-9][0-9a-z]?[0-9])[a-z]{{2}}$', '\1')"
)

#: developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences
META: Mapping[str, str] = {
    "EMAIL": _sha256(_EMAIL),
    "PHONE": _sha256(_DIGITS),
    "FN": _sha256(_NAME),
    "LN": _sha256(_NAME),
    "GEN": _sha256(
        f"case when {_LOWER} in ('m', 'male') then 'm'"
        f" when {_LOWER} in ('f', 'female') then 'f' end"
    ),
    "DOBY": _sha256(f"strftime({_DAY}, '%Y')"),
    "DOBM": _sha256(f"strftime({_DAY}, '%m')"),
    "DOBD": _sha256(f"strftime({_DAY}, '%d')"),
    "CT": _sha256(_LETTERS),
    "ST": _sha256(_LETTERS),
    "ZIP": _sha256(_META_POSTCODE),
    "COUNTRY": _sha256(_only(_LOWER, "[a-z]{{2}}")),
}

#: developers.google.com/data-manager/api/devguides/concepts/formatting
GOOGLE: Mapping[str, str] = {"email": _sha256(_GOOGLE_EMAIL), "phone": _sha256(E164)}

#: yandex.com/support/audience/en/file: MD5 is not taken any more since January 2025.
YANDEX: Mapping[str, str] = {"email": _sha256(_EMAIL), "phone": _sha256(_DIGITS)}

#: mailchimp.com/developer/marketing/docs/methods-parameters: the id of a subscriber.
MAILCHIMP_SUBSCRIBER = _hashed("md5", 32, _EMAIL)


def known_by(fields: Sequence[str]) -> str:
    """SQL for `Capabilities.key`: a member is these identifiers, null without any."""
    joined = ", ',', ".join(f"coalesce({{{name}}}, '')" for name in fields)
    return f"nullif(concat({joined}), '{',' * (len(fields) - 1)}')"


def identifiers(remote_key: str, fields: Sequence[str]) -> dict[str, str]:
    """What a member is known by, by field; without those that they lack."""
    values = zip(fields, remote_key.split(","), strict=True)
    return {name: value for name, value in values if value}
