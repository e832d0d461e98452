"""A vendor's settings, as dlt's own configuration holds them.

They are looked up where dlt looks: environment, then `secrets.toml`, then `config.toml`, each in the project's `.dlt`
folder and the global one, then what else is registered with dlt (vaults, Airflow); in all of them first below the
pipeline's name. Unlike dlt's, the search ends at the vendor's section: many systems have an environment variable
USERNAME that means somebody else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote, urlsplit

from extractor.address import host_part, loopback, normal_base_url
from extractor.errors import SettingsError
from extractor.model import Setting, Vendor
from extractor.redact import Redactor

__all__ = ["KNOWN", "Settings", "data_folder", "how_to_write", "resolve", "toml_lines", "with_paths"]

placeholder = "<configure me>"
"""What `dlt init` writes where a value is still to come."""

KNOWN = Redactor()
"""Knows the secrets of all settings that this process has resolved; for errors that may hold anything."""

_MASK_KEY_LENGTH = 32
_MASK_KEY = Setting(name="mask_key", help=f"{_MASK_KEY_LENGTH} random characters or more", secret=True, required=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What one vendor needs to be asked; its repr shows no value.

    Attributes:
        base_urls: of the vendor's APIs, '' being the main one; without a slash at the end, host in lower case. One
            whose address has a setting in it that is missing is left out.
        values: by the names that the vendor's file gives them, addresses left out. What has no value is not there.
        lists: the settings that are lists, likewise.
        secrets: the values, not the names, that must never be shown.
        mask_key: of the hashes that `--mask` puts in the place of values; '' if there is none.
        account: tells accounts apart: the value of the vendor's account setting, else the host of the main API
            ("this machine" for a server here, which gets another port with every start).
    """

    base_urls: Mapping[str, str]
    values: Mapping[str, str] = field(repr=False)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = field(repr=False)
    account: str
    mask_key: str = field(default="", repr=False)

    @property
    def names(self) -> frozenset[str]:
        """Of all settings that have a value."""
        return frozenset(self.values) | frozenset(self.lists)


def resolve(
    vendor: Vendor, given: Mapping[str, str | Sequence[str]] | None = None, *, pipeline_name: str | None = None
) -> Settings:
    """The vendor's settings: those `given`, the rest from dlt's configuration.

    Args:
        vendor: names the settings.
        given: values that come before the configuration.
        pipeline_name: sections below this name come first, as dlt has it.

    Raises:
        SettingsError: one is missing (the message names all that are, with the lines to write) or makes no sense.
    """
    declared = _declared(vendor)
    unknown = sorted(set(given or {}) - declared.keys())
    if unknown:
        raise SettingsError(f"{vendor.name} has no setting {', '.join(unknown)}. Settings: {', '.join(declared)}.")

    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for setting in declared.values():
        own: object = (given or {}).get(setting.name)
        raw = _configured(vendor, setting, pipeline_name) if own is None else own
        if setting.many:
            if several := _several(vendor, setting, raw):
                lists[setting.name] = several
        elif text := _text(vendor, setting, raw):
            values[setting.name] = text

    all_parts = _placeholders(vendor.base_url)
    # Whoever gives base_url needs no part of the template.
    parts = () if "base_url" in values else all_parts
    missing = [
        setting
        for setting in declared.values()
        if setting.name not in values.keys() | lists.keys()
        and (setting.name in parts or (setting.required and setting.name not in all_parts))
    ]
    if missing:
        raise SettingsError(how_to_write(vendor, vendor.name, [setting.name for setting in missing]))
    base_urls = _base_urls(vendor, values)
    secrets = frozenset(values[name] for name, setting in declared.items() if setting.secret and name in values)
    secrets |= {each for name, several in lists.items() if declared[name].secret for each in several} | vendor.secrets
    KNOWN.add(*secrets)
    addresses = {setting for _, setting, _ in _apis(vendor)}
    values = {name: value for name, value in values.items() if name not in addresses}
    mask_key = values.pop(_MASK_KEY.name, "")
    if 0 < len(mask_key) < _MASK_KEY_LENGTH:
        raise SettingsError(
            f"sources.{vendor.name}_source.{_MASK_KEY.name} has {len(mask_key)} characters, and can be guessed: "
            f"take at least {_MASK_KEY_LENGTH}, random ones."
        )
    account = values.get(vendor.account) or _host(base_urls[""])
    return Settings(
        base_urls=base_urls, values=values, lists=lists, secrets=secrets, account=account, mask_key=mask_key
    )


def with_paths(vendor: Vendor, values: Mapping[str, str]) -> Vendor:
    """The vendor with settings filled into the paths of its endpoints, each as one segment."""

    def filled(path: str) -> str:
        for name in values.keys() & set(_placeholders(path)):
            path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
        return path

    return replace(vendor, endpoints=tuple(replace(one, path=filled(one.path)) for one in vendor.endpoints))


def how_to_write(vendor: Vendor, who: str, names: Sequence[str], *, what: str = "") -> str:
    """One message for all settings that are missing: where each may be written, and what it is.

    Args:
        vendor: whose settings they are.
        who: needs them; the vendor, or one of its resources.
        names: of the settings.
        what: in place of their names in the first sentence.
    """
    declared = _declared(vendor)
    missing = [declared[name] for name in names]
    section = f"sources.{vendor.name}_source"
    lines = [f"{who} needs {what or ', '.join(names)}.", ""]
    for file, of_file in (
        ("config.toml", [setting for setting in missing if not setting.secret]),
        ("secrets.toml", [setting for setting in missing if setting.secret]),
    ):
        if of_file:
            lines += [f"In .dlt/{file}:", "", f"    [{section}]"]
            width = max(len(setting.name) for setting in of_file)
            empty = {True: '[""]', False: '""'}
            lines += [f"    {setting.name:<{width}} = {empty[setting.many]}  # {setting.help}" for setting in of_file]
            lines.append("")
    lines += ["or in the environment:", ""]
    lines += [
        f"    {section.replace('.', '__').upper()}__{setting.name.upper()}" + (" (a JSON list)" if setting.many else "")
        for setting in missing
    ]
    if who == vendor.name:
        lines += ["", f"To try it without an account: python -m extractor backfill {vendor.name} --sandbox"]
    return "\n".join(lines)


def data_folder() -> Path:
    """Where dlt keeps what belongs to no project."""
    import dlt  # noqa: PLC0415 - as below

    return Path(dlt.current.run_context().data_dir)


def toml_lines(vendor: str, values: Mapping[str, str | list[str]]) -> str:
    """The section of `secrets.toml` that holds these values."""
    # A JSON string is a TOML string as long as nothing beyond ASCII is escaped (TOML has no surrogate pairs), and a
    # list of them is a list.
    written = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return "\n".join([f"[sources.{vendor}_source]", *written])


def _declared(vendor: Vendor) -> dict[str, Setting]:
    """The settings by name, also those that exist for every vendor: the addresses, their parts, the key of masks."""
    declared = {setting.name: setting for setting in vendor.settings}
    # A configuration says itself where its API is, and compares links with that.
    for api, setting, template in () if vendor.configuration else _apis(vendor):
        for name in _placeholders(template):
            declared.setdefault(name, Setting(name=name, help="part of the address", required=not api))
        which = f"the API {api}" if api else "the API"
        declared.setdefault(setting, Setting(name=setting, help=f"address of {which}", required=False))
    declared.setdefault(_MASK_KEY.name, _MASK_KEY)
    return declared


def _apis(vendor: Vendor) -> list[tuple[str, str, str]]:
    """Name, setting and template of each address."""
    further = [(name, api.setting, api.base_url) for name, api in vendor.apis.items()]
    return [("", "base_url", vendor.base_url), *further]


def _host(base_url: str) -> str:
    parts = urlsplit(base_url)
    return "this machine" if loopback(parts.hostname or "") else parts.netloc


def _base_urls(vendor: Vendor, values: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for api, setting, template in _apis(vendor):
        if setting in values:
            found[api] = normal_base_url(values[setting], template, f"sources.{vendor.name}_source.{setting}")
        elif values.keys() >= set(_placeholders(template)):
            found[api] = _built(vendor, template, values)
    return found


def _configured(vendor: Vendor, setting: Setting, pipeline_name: str | None) -> object:
    """What dlt's providers hold for the setting, None if none does."""
    import dlt  # noqa: PLC0415 - 0.4 s of CPU that a command without settings need not pay
    from dlt.common.configuration.exceptions import ConfigProviderException  # noqa: PLC0415
    from dlt.common.typing import TSecretStrValue  # noqa: PLC0415

    section = f"{vendor.name}_source"
    hint: type[Any] = TSecretStrValue if setting.secret else str
    try:
        # Asked directly and not through `dlt.secrets`, which would note the value in the pipeline's trace.
        providers = dlt.config.config_providers
        for pipeline in (pipeline_name, None) if pipeline_name else (None,):
            for provider in providers:
                if provider.is_empty or not provider.supports_sections:
                    continue
                value, _ = provider.get_value(setting.name, hint, pipeline, "sources", section)
                if value is None:
                    continue
                if setting.secret and not provider.supports_secrets:
                    raise SettingsError(
                        f"sources.{section}.{setting.name} is a secret and stands in {provider.name}: "
                        "move it to .dlt/secrets.toml or to the environment."
                    )
                return value
    except ConfigProviderException as error:
        # The parser's own words could quote the line with the secret.
        where = getattr(error, "file_name", error.provider_name)
        raise SettingsError(f"dlt's {where} can't be read: is it sound TOML in UTF-8?") from None
    return None


def _text(vendor: Vendor, setting: Setting, raw: object) -> str:
    """The value without blanks round it; '' if there is none."""
    if raw is None:
        return ""
    name = f"sources.{vendor.name}_source.{setting.name}"
    if not isinstance(raw, str):
        raise SettingsError(f"{name} must be text, and is a {_kind(raw)}: put it in quotes.")
    text = raw.strip()
    if not text.isprintable():
        raise SettingsError(f"{name} has a line break or another invisible character in it: copy the value again.")
    return "" if text == placeholder else text


def _several(vendor: Vendor, setting: Setting, raw: object) -> tuple[str, ...]:
    """The values of a list, each once; none if there are none."""
    name = f"sources.{vendor.name}_source.{setting.name}"
    if isinstance(raw, str):
        if raw.strip() in ("", placeholder):
            return ()
        try:
            raw = json.loads(raw)
        except ValueError:
            raw = None
        if not isinstance(raw, list):
            raise SettingsError(
                f'{name} must be a list of text: ["one", "two"], in TOML and as JSON in the environment.'
            )
    if raw is None:
        return ()
    if not isinstance(raw, Sequence):
        raise SettingsError(f'{name} must be a list of text, and is a {_kind(raw)}: write ["one", "two"].')
    return tuple(dict.fromkeys(text for each in raw if (text := _text(vendor, setting, each))))


def _kind(raw: object) -> str:
    for kind, word in ((bool, "boolean"), (int, "number"), (float, "number"), (Mapping, "table"), (Sequence, "list")):
        if isinstance(raw, kind):
            return word
    return "value of another kind"


def _placeholders(template: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)


def _built(vendor: Vendor, template: str, values: Mapping[str, str]) -> str:
    """The vendor's own address with the settings filled in."""
    parts = urlsplit(template)
    section = f"sources.{vendor.name}_source"
    netloc = parts.netloc
    for name in _placeholders(parts.netloc):
        netloc = netloc.replace(f"{{{name}}}", host_part(values[name], template, name, section))
    path = parts.path
    for name in _placeholders(parts.path):
        path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
    return f"{parts.scheme}://{netloc.lower()}{path.rstrip('/')}"
