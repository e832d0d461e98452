from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.address import host_part, loopback, normal_base_url
from extractor.errors import SettingsError

TEMPLATE = "https://{organization}.acme.test/api/v1"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost", "LocalHost"])
def test_these_are_this_machine(host: str) -> None:
    assert loopback(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "128.0.0.1", "0.0.0.0", "::2", "localhost.acme.test", "127.0.0.1.acme.test", "127.1", ""],  # noqa: S104
)
def test_these_are_not(host: str) -> None:
    assert not loopback(host)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://acme.acme.test/api/v1", "https://acme.acme.test/api/v1"),
        ("https://acme.acme.test/api/v1//", "https://acme.acme.test/api/v1"),
        ("https://ACME.acme.test:443/API", "https://acme.acme.test/API"),
        ("https://acme.us-1.acme.test", "https://acme.us-1.acme.test/api/v1"),
        ("https://acme.us-1.acme.test/", "https://acme.us-1.acme.test/api/v1"),
        ("HTTPS://acme.acme.test:8443", "https://acme.acme.test:8443/api/v1"),
        ("http://127.0.0.1:8080/api/v1", "http://127.0.0.1:8080/api/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/api/v1"),
    ],
)
def test_a_base_url_has_one_form(written: str, meant: str) -> None:
    assert normal_base_url(written, TEMPLATE, "base_url") == meant


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("acme.acme.test/api/v1", "not an http or https URL"),
        ("ftp://acme.test", "not an http or https URL"),
        ("https://", "not an http or https URL"),
        ("https:///api", "not an http or https URL"),
        ("https://a b.test", "not an http or https URL"),
        ("https://acme.test:port", "not a URL"),
        ("https://acme.test:99999", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://bob:hunter2@acme.test", "has a user name in it"),
        ("https://hunter2@acme.test", "has a user name in it"),
        ("https://acme.test/api?token=hunter2", "query"),
        ("https://acme.test/api#hunter2", "fragment"),
        ("http://acme.test/api", "plain http"),
        ("http://127.0.0.1.acme.test/api", "plain http"),
        ("https://{organization}.acme.test/api", "placeholder"),
    ],
)
def test_what_is_no_base_url_is_refused_without_being_shown(written: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        normal_base_url(written, TEMPLATE, "sources.acme_source.base_url")
    assert "sources.acme_source.base_url" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_base_url_or_refused(written: str) -> None:
    try:
        meant = normal_base_url(written, TEMPLATE, "base_url")
    except SettingsError:
        return
    assert meant.startswith(("https://", "http://"))
    assert normal_base_url(meant, TEMPLATE, "base_url") == meant


@pytest.mark.parametrize("value", ["acme", "Acme-2", "acme.us-1", "7"])
def test_what_can_be_part_of_a_host_stays(value: str) -> None:
    assert host_part(value, TEMPLATE, "organization", "sources.acme_source") == value


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("acme.acme.test", 'organization = "acme"'),
        ("ACME.Acme.Test", 'organization = "acme"'),
        ("https://acme.acme.test", 'organization = "acme"'),
        ("https://acme.acme.test/", 'organization = "acme"'),
        ("https://acme.us-1.acme.test/api/v1", 'organization = "acme.us-1"'),
        ("acme.acme.example", 'base_url = "https://acme.acme.example/api/v1"'),
        ("https://acme.acme.example/api", 'base_url = "https://acme.acme.example/api/v1"'),
        ("https://acme.example", 'base_url = "https://acme.example/api/v1"'),
        ("acme/api", "braces"),
        ("-acme", "braces"),
        ("acme..x", "braces"),
        ("a@b", "braces"),
        ("https://[", "braces"),
    ],
)
def test_a_whole_address_gets_advice(value: str, advice: str) -> None:
    with pytest.raises(SettingsError) as caught:
        host_part(value, TEMPLATE, "organization", "sources.acme_source")
    assert advice in str(caught.value)


@given(st.text(min_size=1))
def test_nothing_can_leave_the_host_of_the_template(value: str) -> None:
    try:
        part = host_part(value, TEMPLATE, "organization", "sources.acme_source")
    except SettingsError:
        return
    assert not set(part) & set("/@:?#\\[] ")
