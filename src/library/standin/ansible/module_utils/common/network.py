"""Masks and subnets."""

import ipaddress
import re

VALID_MASKS = [2**8 - 2**i for i in range(0, 9)]


def is_netmask(val):
    parts = str(val).split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) in VALID_MASKS for part in parts)


def is_masklen(val):
    try:
        return 0 <= int(val) <= 32
    except ValueError:
        return False


def to_netmask(val):
    if not is_masklen(val):
        raise ValueError("invalid value for masklen")
    return str(ipaddress.IPv4Address((0xFFFFFFFF << (32 - int(val))) & 0xFFFFFFFF))


def to_bits(val):
    return "".join("{:08b}".format(int(part)) for part in str(val).split("."))


def to_masklen(val):
    if not is_netmask(val):
        raise ValueError("invalid value for netmask: {}".format(val))
    return to_bits(val).count("1")


def to_subnet(addr, mask, dotted_notation=False):
    length = int(mask) if is_masklen(mask) else to_masklen(mask)
    network = ipaddress.ip_network("{}/{}".format(addr, length), strict=False)
    shown = to_netmask(length) if dotted_notation else length
    return "{} {}".format(network.network_address, shown) if dotted_notation else "{}/{}".format(
        network.network_address, shown)


def _first_groups(addr, count):
    """The first groups of an address as they are written, without those of zeros at the end."""
    before, gap, after = str(addr).partition("::")
    groups = before.split(":") if before else []
    if gap:
        rest = after.split(":") if after else []
        groups += ["0"] * (8 - len(groups) - len(rest)) + rest
    groups = groups[:count]
    while groups and not groups[-1].strip("0"):
        groups.pop()
    return ":".join(groups) + "::"


def to_ipv6_subnet(addr):
    """The first 64 bits of an address."""
    return _first_groups(addr, 4)


def to_ipv6_network(addr):
    """The first 48 bits of an address."""
    return _first_groups(addr, 3)


def is_mac(mac_address):
    return re.match(r"^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$", mac_address) is not None
