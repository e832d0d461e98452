"""Addresses that a user writes: checked, and brought to one form."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, ip_address
from urllib.parse import SplitResult, urlsplit

from extractor.errors import SettingsError

__all__ = ["host_part", "loopback", "normal_base_url"]

loopback_v4 = IPv4Network("127.0.0.0/8")
label = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
labels = re.compile(rf"{label}(\.{label})*")
default_ports = {"http": 80, "https": 443}


def loopback(host: str) -> bool:
    """True for this machine's own addresses: `127.0.0.0/8`, `::1` and `localhost`."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address in loopback_v4 if address.version == 4 else address == ip_address("::1")


def normal_base_url(written: str, template: str, name: str) -> str:
    """A base URL in one form: no slash at its end, host in lower case, no default port; without a path, the template's.

    Args:
        written: as the user wrote it.
        template: the vendor's own base URL.
        name: of the setting, for messages.

    Raises:
        SettingsError: it isn't an address of an API, or would send credentials unencrypted. The message doesn't
            show it, since it may hold a password.
    """
    example = f'for instance "{re.sub(r"{(.*?)}", "HOST", template)}"'
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        raise SettingsError(f"{name} is not a URL; write it whole, {example}.") from None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or any(blank in written for blank in " \\"):
        raise SettingsError(f"{name} is not an http or https URL; write it whole, {example}.")
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{name} has a user name in it; credentials have settings of their own.")
    if parts.query or parts.fragment:
        raise SettingsError(f"{name} ends in a query or a fragment; it must end with the path, {example}.")
    if parts.scheme == "http" and not loopback(host):
        raise SettingsError(f"{name} is plain http, which would show the credentials to the network: write https.")
    if re.search(r"{.*?}", written):
        raise SettingsError(f"{name} has a placeholder in it; write the address whole.")
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != default_ports[parts.scheme]:
        shown += f":{port}"
    return f"{parts.scheme}://{shown}{parts.path.rstrip('/') or urlsplit(template).path.rstrip('/')}"


def host_part(value: str, template: str, name: str, section: str) -> str:
    """The value, if it can stand in the template's host.

    Raises:
        SettingsError: somebody wrote a whole host or URL where its first part is asked for; the message says what
            to write instead.
    """
    own = urlsplit(template)
    before, _, after = own.netloc.partition(f"{{{name}}}")
    host = _host(value)
    whole = host.lower().endswith(after.lower()) if after else False
    # The vendor's own name behind a dot: a whole host too, in another of its domains.
    own_name = after.split(".")[1] if "." in after else ""
    elsewhere = bool(own_name) and labels.fullmatch(host) and own_name in host.lower().split(".")[1:]
    if labels.fullmatch(value) and not whole and not elsewhere:
        return value
    where = f"{section}.{name}"
    if whole and labels.fullmatch(short := host[: -len(after)].removeprefix(before)):
        raise SettingsError(f'{where} is only the part before {after!r}: write {name} = "{short}".')
    if elsewhere or (host != value and labels.fullmatch(host) and "." in host):
        raise SettingsError(
            f"{where} is only the part of the address in braces: {template}. "
            f'For another host leave it and write base_url = "{own.scheme}://{host}{own.path}".'
        )
    raise SettingsError(
        f"{where} can't be part of a host name: it stands for the part of the address in braces: {template}."
    )


def _host(value: str) -> str:
    """The host of a URL, or of what looks like the rest of one."""
    try:
        parts: SplitResult = urlsplit(value if "//" in value else f"//{value}")
    except ValueError:
        return value
    return parts.hostname or value
