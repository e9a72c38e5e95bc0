"""The picture's address: is it one that Sinch can fetch? Judged by its looks only, nothing is fetched. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from posixpath import splitext
from urllib.parse import SplitResult, quote, unquote, urlsplit

from bot.slack.text import link_address

MAX_URL = 2048  # Sinch SMS API, mt_media: `body.url`
MAX_HOST = 253  # RFC 1035, written as text
HTTPS_PORT = 443

# Sinch, "MMS support", and the Conversation API's MMS channel. Plain text is on the second list only and makes no
# picture: neither taken nor refused here.
TAKEN_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".png", ".gif", ".bmp"}
    | {".mp4", ".mov", ".3gp", ".3gpp", ".mp3", ".wav", ".amr"}
    | {".pdf", ".vcf"}
)
# Well-known types on neither list: a phone would get nothing, and only the delivery report would say so.
REFUSED_ENDINGS = frozenset(
    {".html", ".htm", ".xhtml", ".json", ".xml", ".js", ".css"}
    | {".webp", ".heic", ".heif", ".avif", ".jxl", ".svg", ".svgz", ".tif", ".tiff", ".ico", ".psd", ".ai", ".eps"}
    | {".raw", ".dng", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".m4v", ".m4a", ".aac", ".flac", ".ogg", ".oga"}
    | {".ogv", ".opus", ".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".exe", ".apk", ".dmg"}
    | {".doc", ".docx", ".odt", ".rtf", ".xls", ".xlsx", ".ods", ".csv", ".ppt", ".pptx", ".odp", ".key", ".pages"}
)
# Sinch's best practices and size tables: about 500 KB without transcoding, 1 MB advised at most.
MEDIA_HINT = (
    "A public https address. JPEG and PNG reach most phones; GIF, BMP, MP4, MOV, 3GP, MP3, WAV, AMR, PDF and VCF are "
    "taken too. Best below 500 KB, never above 1 MB."
)

# Names that only a private network, or nobody, answers to (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal, and what
# routers call their own). `.example` and `.test` (RFC 2606) stand in for public names in documents and trials.
_PRIVATE_NAMES = frozenset(
    {"localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan"}
    | {"arpa", "invalid", "onion"}
)
_SLACK_DOMAINS = ("slack.com", "slack-gov.com")

_ODD_ASCII = "\\<> "
_SCHEME = re.compile(r"https://", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LAST_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
# A host whose last part is a number is an IPv4 address: dotted, one number, octal, hexadecimal (WHATWG URL, "host").
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SLACK_FILE_PATH = re.compile(r"/files(?:-[a-z]+)?(?:/|$)")
_AS_TYPED = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986's own characters; everything else is percent-encoded


class UrlReason(StrEnum):
    """Why an address is not taken."""

    NOT_HTTPS = "not_https"
    TOO_LONG = "too_long"
    ODD_CHARACTERS = "odd_characters"
    PASSWORD = "password"  # noqa: S105  the name of a fault
    NO_HOST = "no_host"
    IP_ADDRESS = "ip_address"
    PRIVATE_HOST = "private_host"
    PORT = "port"
    SLACK_FILE = "slack_file"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class UrlFault:
    """Why an address is not taken. ``detail`` is the figure or the ending that the sentence names."""

    reason: UrlReason
    detail: str = ""

    def sentence(self) -> str:
        match self.reason:
            case UrlReason.NOT_HTTPS:
                return "The address must start with https://."
            case UrlReason.TOO_LONG:
                return f"The address has {self.detail} characters; {MAX_URL} are possible."
            case UrlReason.ODD_CHARACTERS:
                return "The address has a space, a backslash or an invisible character in it; copy it once more."
            case UrlReason.PASSWORD:
                return "The address has a user or a password in it; Sinch needs one that opens without."
            case UrlReason.NO_HOST:
                return "The address has no valid host name; it looks like https://example.com/picture.jpg."
            case UrlReason.IP_ADDRESS:
                return "The address needs a host name; an IP address is not taken."
            case UrlReason.PRIVATE_HOST:
                return "The address is on a private network; Sinch fetches the picture from the public internet."
            case UrlReason.PORT:
                return "The address has a port that does not exist."
            case UrlReason.SLACK_FILE:
                return "Slack's file links are private, so Sinch cannot fetch them; use a public address."
            case UrlReason.ENDING:
                return f"Phones do not take {self.detail} in a picture message; JPEG, PNG or GIF work."


def check_media_url(text: str) -> str | UrlFault:
    """The address that Sinch is to fetch, or the first thing that is wrong with it. Never raises.

    The address comes back without its fragment, its host in lower case (an international name as punycode), and
    other than ASCII percent-encoded; everything else as typed. Slack's ``<address>`` and ``<address|label>`` are
    unwrapped.
    """
    typed = _bare(text)
    if not _SCHEME.match(typed):
        return UrlFault(UrlReason.NOT_HTTPS)
    plain = typed.isascii() and typed.isprintable()
    if any(map(typed.__contains__, _ODD_ASCII)) if plain else any(map(_is_odd, typed)):
        return UrlFault(UrlReason.ODD_CHARACTERS)
    try:
        parts = urlsplit(typed)
    except ValueError:  # brackets that hold no address, or look-alikes of the URL's own characters in the host
        return UrlFault(UrlReason.IP_ADDRESS if "[" in typed else UrlReason.NO_HOST)
    if "@" in parts.netloc:
        return UrlFault(UrlReason.PASSWORD)
    host = _public_host(parts)
    if isinstance(host, UrlFault):
        return host
    try:
        port = parts.port
    except ValueError:
        return UrlFault(UrlReason.PORT)
    if port == 0:
        return UrlFault(UrlReason.PORT)
    if _is_slack_file(host, parts.path):
        return UrlFault(UrlReason.SLACK_FILE)
    if (ending := _ending(parts.path)) in REFUSED_ENDINGS:
        return UrlFault(UrlReason.ENDING, ending)
    url = f"https://{host}{'' if port in (None, HTTPS_PORT) else f':{port}'}{quote(parts.path, safe=_AS_TYPED)}"
    if parts.query:
        url += "?" + quote(parts.query, safe=_AS_TYPED)
    return url if len(url) <= MAX_URL else UrlFault(UrlReason.TOO_LONG, str(len(url)))


def looks_like_picture(url: str) -> bool:
    """Is this a web link whose path ends in a type that Sinch takes? (Not: may it be sent.)"""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.netloc) and _ending(parts.path) in TAKEN_ENDINGS


def _bare(text: str) -> str:
    """Without white space and invisible characters around it, and without Slack's wrapping."""
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while end > start and _is_blank(text[end - 1]):
        end -= 1
    typed = text[start:end]
    return link_address(typed) or typed


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc")


def _is_odd(character: str) -> bool:
    return character in _ODD_ASCII or character.isspace() or unicodedata.category(character) in ("Cf", "Cc", "Cs")


def _public_host(parts: SplitResult) -> str | UrlFault:
    host = (parts.hostname or "").lower()
    if not host or len(host) > MAX_HOST:
        return UrlFault(UrlReason.NO_HOST)
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return UrlFault(UrlReason.NO_HOST)
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return UrlFault(UrlReason.IP_ADDRESS)
    if labels[-1] in _PRIVATE_NAMES or len(labels) == 1:
        return UrlFault(UrlReason.PRIVATE_HOST)
    well_formed = all(map(_LABEL.fullmatch, labels)) and _LAST_LABEL.fullmatch(labels[-1])
    return host if well_formed and len(host) <= MAX_HOST else UrlFault(UrlReason.NO_HOST)


def _is_slack_file(host: str, path: str) -> bool:
    """Files need a login, and even a "public" link is a page. Avatars and emoji (slack-edge.com) are public."""
    if host == "slack-files.com" or host.endswith(".slack-files.com"):
        return True
    return any(
        host == f"files.{domain}"
        or ((host == domain or host.endswith(f".{domain}")) and _SLACK_FILE_PATH.match(path) is not None)
        for domain in _SLACK_DOMAINS
    )


def _ending(path: str) -> str:
    name = unquote(path).rpartition("/")[2]
    return splitext(name)[1].lower()
