"""Address ranges."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from policyengine.patterns import regex
from policyengine.platforms.terraform.language.functions.calling import HclFunction, PlainFunction
from policyengine.platforms.terraform.language.kinds import STRINGS
from policyengine.platforms.terraform.language.numbers import NotComputed
from policyengine.platforms.terraform.language.plain import Invalid

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.numbers import Number
    from policyengine.platforms.terraform.language.plain import Plain

_ZEROS = regex(r"\b0+(?=\d)")
"""Zeros before a number, which Terraform reads as decimal all the same."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> _Network:
    if "/" not in text or "%" in text:
        raise Invalid(f"{text!r} is no address range")
    if text.startswith("::ffff:"):
        raise NotComputed("an IPv4 address within IPv6 is not computed with")
    if ":" not in text:
        text = _ZEROS.sub("", text)
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Invalid(f"{text!r} is no address range") from None


def _whole(value: Number) -> int:
    if not isinstance(value, int):
        raise Invalid("a whole number is needed")
    return value


def _subnet(base: _Network, bits: int, number: int) -> str:
    length = base.prefixlen + bits
    if bits < 0 or number < 0:
        raise NotComputed("a range is not computed from numbers below zero")
    if length > base.max_prefixlen or number >= 2**bits:
        raise Invalid("the range is too small for that many networks")
    address = int(base.network_address) + (number << (base.max_prefixlen - length))
    return f"{type(base.network_address)(address)}/{length}"


def _cidrsubnet(prefix: str, bits: Number, number: Number) -> str:
    return _subnet(_network(prefix), _whole(bits), _whole(number))


def _cidrsubnets(prefix: str, *bits: Number) -> list[Plain]:
    base = _network(prefix)
    found: list[Plain] = []
    current = int(base.network_address)
    end = int(base.broadcast_address) + 1
    if bits and not current:
        raise Invalid("cidrsubnets() begins behind the network before, which there is none of")
    for each in bits:
        length = base.prefixlen + _whole(each)
        if not base.prefixlen < length <= min(base.max_prefixlen, base.prefixlen + 32):
            raise Invalid("cidrsubnets() takes 1 to 32 new bits within the address")
        size = 1 << (base.max_prefixlen - length)
        current = (current + size - 1) // size * size
        if current + size > end:
            raise Invalid("the range is too small for that many networks")
        found.append(f"{type(base.network_address)(current)}/{length}")
        current += size
    return found


def _cidrhost(prefix: str, number: Number) -> str:
    base = _network(prefix)
    index = _whole(number)
    if index < 0:
        index += base.num_addresses
    if not 0 <= index < base.num_addresses:
        raise Invalid("the range has no such address")
    return str(base.network_address + index)


def _cidrnetmask(prefix: str) -> str:
    base = _network(prefix)
    if base.version != 4:
        raise Invalid("only IPv4 has netmasks")
    return str(base.netmask)


FUNCTIONS: dict[str, HclFunction] = {
    "cidrsubnet": PlainFunction("snn", _cidrsubnet),
    "cidrsubnets": PlainFunction("sn*", _cidrsubnets, gives=STRINGS),
    "cidrhost": PlainFunction("sn", _cidrhost),
    "cidrnetmask": PlainFunction("s", _cidrnetmask),
}
