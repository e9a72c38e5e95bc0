"""Who may ask this page for anything: a browser on this machine that has the page itself, and nobody else.

A page of a stranger's could otherwise make the browser send requests here, or reach it under a name of its own.
"""

from __future__ import annotations

import hmac
import ipaddress

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

TOKEN_HEADER = "X-Page-Token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def guard(token: str) -> Middleware:
    """A middleware: names and origins are checked before anything is done, and every answer has the policy."""

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_here(request.host):
            raise web.HTTPForbidden(text="This page answers under the names of this machine alone.")
        if request.method != "GET":
            if request.headers.get("Origin") != f"http://{request.host}":
                raise web.HTTPForbidden(text="Only the page itself may ask for that.")
            given = request.headers.get(TOKEN_HEADER, "")
            if not hmac.compare_digest(given.encode(), token.encode()):
                raise web.HTTPForbidden(text="The sandbox was started anew: load the page again.")
        return await handler(request)

    return checked


async def add_policy(_request: web.Request, response: web.StreamResponse) -> None:
    """For ``on_response_prepare``: refusals have it, too."""
    response.headers.update(_HEADERS)


def is_here(host: str) -> bool:
    """Does a Host header name this machine?"""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
