"""Only the public web is fetched, whatever a name or an address pretends to be."""

import pytest

from goodsight.collecting import addresses
from goodsight.collecting.terms import NotFetched

PRIVATE = {
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "private",
    "127.0.0.1": "loopback",
    "127.255.0.9": "loopback",
    "::1": "loopback",
    "fc00::1": "private",
    "fec0::1": "private",
    "::ffff:10.0.0.1": "private",
    "::ffff:127.0.0.1": "loopback",
    "64:ff9b::7f00:1": "loopback",
}
NEVER = {
    "169.254.169.254": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "::ffff:169.254.169.254": "link-local",
    "0.0.0.0": "unspecified",
    "::": "unspecified",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "2002:7f00:1::": "tunnel",
    "2001:0:53aa:64c:0:fbff:fdf0:1": "tunnel",
    "nonsense": "not an IP address",
}


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:8.8.8.8"])
def test_public_addresses_pass(address: str) -> None:
    assert addresses.refusal(address, allow_private=False) == ""


@pytest.mark.parametrize(("address", "why"), PRIVATE.items())
def test_private_addresses_pass_when_allowed(address: str, why: str) -> None:
    assert why in addresses.refusal(address, allow_private=False)
    assert addresses.refusal(address, allow_private=True) == ""


@pytest.mark.parametrize(("address", "why"), NEVER.items())
def test_others_never_pass(address: str, why: str) -> None:
    assert why in addresses.refusal(address, allow_private=False)
    assert why in addresses.refusal(address, allow_private=True)


def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    both = ["93.184.216.34", "10.0.0.1"]
    with pytest.raises(
        NotFetched, match=r"two\.test leads to 10\.0\.0\.1, a private address; allow it with `allow_private`"
    ):
        addresses.resolve("two.test", 80, allow_private=False, lookup=lambda host, port: both)
    assert addresses.resolve("two.test", 80, allow_private=True, lookup=lambda host, port: both) == both


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1"])
def test_other_ways_to_write_this_machine(host: str) -> None:
    with pytest.raises(NotFetched, match="loopback"):
        addresses.resolve(host, 80, allow_private=False)


def test_a_name_that_leads_nowhere() -> None:
    def fails(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(NotFetched, match=r"no\.test: the name cannot be resolved") as stop:
        addresses.resolve("no.test", 80, allow_private=False, lookup=fails)
    assert stop.value.again
    with pytest.raises(NotFetched, match="has no address"):
        addresses.resolve("no.test", 80, allow_private=False, lookup=lambda host, port: [])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "file: is refused; only http and https"),
        ("ftp://host/a.jpg", "ftp: is refused"),
        ("data:image/png;base64,AAAA", "data: is refused"),
        ("javascript:alert(1)", "javascript: is refused"),
        ("photo.jpg", "'photo.jpg' is not a web address"),
        ("//host/a.jpg", "is not a web address"),
        ("http:///a.jpg", "names no host"),
        ("http://me:secret@host/a.jpg", "user name or password"),
        ("http://[::1/a.jpg", "is not a web address"),
        ("http://host/\x1b[31m", "is not a web address"),
        ("http://host/" + "a" * 5000, "an address of 5012 characters; the limit is 4000"),
        ("", "is not a web address"),
    ],
)
def test_only_plain_web_addresses(url: str, why: str) -> None:
    with pytest.raises(NotFetched) as stop:
        addresses.checked(url)
    assert why in stop.value.reason
    assert "\x1b" not in stop.value.reason
    assert "secret" not in stop.value.reason


def test_the_normal_form() -> None:
    assert str(addresses.checked(" HTTP://Shop.Example:80/a/../b c.jpg?q=ä#top ")) == (
        "http://shop.example/b%20c.jpg?q=%C3%A4"
    )
