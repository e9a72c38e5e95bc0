"""The address of a PostgreSQL server, as hosts hand it out, taken apart into what its client library wants. Pure.

The library (libpq) could read it, too, but its faults then name pieces of a password that was not encoded well.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

SCHEMES = ("postgres://", "postgresql://")

# PostgreSQL, "Parameter Key Words" of libpq. A test compares them with the library.
KEYWORDS = frozenset(
    {"host", "hostaddr", "port", "dbname", "user", "password", "passfile", "require_auth", "channel_binding"}
    | {"connect_timeout", "client_encoding", "options", "application_name", "fallback_application_name"}
    | {"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}
    | {"replication", "gssencmode", "gsslib", "gssdelegation", "krbsrvname", "sslmode", "sslnegotiation"}
    | {"sslcompression", "sslcert", "sslkey", "sslkeylogfile", "sslpassword", "sslcertmode", "sslrootcert", "sslcrl"}
    | {"sslcrldir", "sslsni", "requirepeer", "ssl_min_protocol_version", "ssl_max_protocol_version"}
    | {"min_protocol_version", "max_protocol_version", "service", "target_session_attrs", "load_balance_hosts"}
    | {"scram_client_key", "scram_server_key", "oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"}
)
# Hosts add these for clients that have to be told about a pooler; we keep nothing in a session anyway.
FOR_OTHER_CLIENTS = frozenset({"pgbouncer", "connection_limit", "pool_timeout"})

# No @ behind the host: a password with a slash or a question mark would be taken for a host and what comes after it.
_PARTS = re.compile(r"(?P<authority>[^/?#\s]*)(?:/(?P<dbname>[^/?#\s@]*))?(?:\?(?P<query>[^#\s@]*))?")
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[0-9]{0,5}))?")
_NOT_ENCODED = re.compile(r"%(?![0-9A-Fa-f]{2})")


class WrongAddressError(ValueError):
    """What is wrong, in words that hold no piece of the address."""


def parameters(url: str) -> dict[str, str]:
    """Keyword → value, as libpq names them; what the address leaves out is left out.

    Raises:
        WrongAddressError: it can't be read.
    """
    scheme, separator, rest = url.partition("://")
    parts = _PARTS.fullmatch(rest)
    if f"{scheme}{separator}" not in SCHEMES or parts is None:
        raise _wrong()
    who, _, hosts = parts["authority"].rpartition("@")
    user, _, password = who.partition(":")
    found = {"user": user, "password": password, "dbname": parts["dbname"] or "", **_hosts(hosts)}
    read = {keyword: _decoded(value) for keyword, value in found.items() if value}
    for pair in filter(None, (parts["query"] or "").split("&")):
        raw, equals, value = pair.partition("=")
        keyword = _decoded(raw)
        if (keyword, value) == ("ssl", "true"):  # as Java's client writes it; libpq understands it in addresses, too
            keyword, value = "sslmode", "require"
        if not equals or keyword not in KEYWORDS | FOR_OTHER_CLIENTS:
            raise WrongAddressError(
                "has something after its question mark that PostgreSQL's clients don't know. "
                "A question mark that belongs to the password is written as %3F."
            )
        if keyword in KEYWORDS:
            read[keyword] = _decoded(value)
    return read


def _hosts(raw: str) -> dict[str, str]:
    """One host or several, each perhaps with a port; a folder with a Unix socket may be encoded in it."""
    matches = [_HOST.fullmatch(one) for one in raw.split(",")]
    hosts = [match for match in matches if match is not None]
    if len(hosts) < len(matches) or any(int(host["port"] or 0) > 65535 for host in hosts):
        raise _wrong()
    ports = [host["port"] or "" for host in hosts]
    return {
        "host": ",".join(host["v6"] or host["name"] for host in hosts),
        "port": ",".join(ports) if any(ports) else "",
    }


def _decoded(raw: str) -> str:
    if _NOT_ENCODED.search(raw):
        raise _wrong()
    try:
        decoded = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise _wrong() from None
    if "\0" in decoded:
        raise _wrong()
    return decoded


def _wrong() -> WrongAddressError:
    return WrongAddressError(
        "is not the address of a PostgreSQL server: it should look like postgres://user:password@host:5432/database. "
        "Signs in a password that mean something in an address are written with a percent sign (%2F for /)."
    )
