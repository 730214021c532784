"""Sizes in words."""

import re

SIZE_RANGES = dict((letter, 1 << (10 * power)) for power, letter in reversed(list(enumerate("BKMGTPEZY"))))
_NAMES = dict(zip("KMGTPEZY", ("kilo", "mega", "giga", "tera", "peta", "exa", "zeta", "yotta")))


def lenient_lowercase(lst):
    return [item.lower() if hasattr(item, "lower") else item for item in lst]


def human_to_bytes(number, default_unit=None, isbits=False):
    """`10M` as a number of bytes, or `10Mb` as one of bits."""
    found = re.match(r"([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*$", str(number))
    if found is None:
        raise ValueError("human_to_bytes() can't interpret following string: {}".format(number))
    amount, unit = float(found.group(1)), found.group(2) or default_unit
    if unit is None:
        return int(round(amount))
    letter = unit[0].upper()
    if letter not in SIZE_RANGES:
        raise ValueError(
            "human_to_bytes() failed to convert {} (unit = {}). The suffix must be one of {}".format(
                number, unit, ", ".join(SIZE_RANGES)
            )
        )
    small, name = ("b", "bit") if isbits else ("B", "byte")
    if len(unit) > 1:
        short = small if letter == "B" else letter + small
        if unit.lower() != _NAMES.get(letter, "") + name and unit != short:
            expected = "{} or {}".format(short, name if letter == "B" else letter)
            raise ValueError(
                "human_to_bytes() failed to convert {}. Value is not a valid string (expect {})".format(number, expected)
            )
    return int(round(amount * SIZE_RANGES[letter]))


def bytes_to_human(size, isbits=False, unit=None):
    """A number of bytes in its largest unit."""
    base = "bits" if isbits else "Bytes"
    for letter, limit in SIZE_RANGES.items():
        if size >= limit if unit is None else unit.upper() == letter:
            break
    else:
        letter, limit = "B", 1
    return "{:.2f} {}".format(size / limit, base if limit == 1 else letter + base[0])
