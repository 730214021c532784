"""Hosts with ports."""

import re

from ansible.errors import AnsibleParserError

_BRACKETED = re.compile(r"^\[(?P<host>[^\]]+)\](?::(?P<port>\d+))?$")
_PORT = re.compile(r"^(?P<host>(?:[^:\[\]]|\[[^\[\]]*\])+):(?P<port>\d+)$")
_NAME = re.compile(r"^[\w][\w.-]*$")
_RANGE = re.compile(r"\[[A-Za-z0-9]*:[A-Za-z0-9]+(?::\d+)?\]")


def parse_address(address, allow_ranges=False):
    """A host and its port, or None for one that is not there."""
    port = None
    found = _BRACKETED.match(address) if ":" in address.partition("]")[0] and not _RANGE.match(address) else None
    found = found or _PORT.match(address)
    host = address
    if found:
        host, port = found["host"], found["port"]
        port = None if port is None else int(port)
    if host.count(":") > 1 and "[" not in host:
        return host, port
    if "[" in host and not allow_ranges:
        raise AnsibleParserError("Detected range in host but was asked to ignore ranges")
    if not _NAME.match(_RANGE.sub("0", host)):
        raise AnsibleParserError("Not a valid network hostname: {}".format(address))
    return host, port
