"""Merging of variables."""

import re
from collections.abc import MutableMapping, MutableSequence


def merge_hash(x, y, recursive=True, list_merge="replace"):
    """A new mapping of both, `y` before `x`."""
    if list_merge not in ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp"):
        from ansible.errors import AnsibleError

        raise AnsibleError("merge_hash: 'list_merge' argument can only be equal to 'replace', 'keep', 'append', "
                           "'prepend', 'append_rp' or 'prepend_rp'")
    merged = dict(x)
    for key, value in y.items():
        merged[key] = _merge(merged[key], value, recursive, list_merge) if key in merged else value
    return merged


def _merge(old, new, recursive, list_merge):
    if isinstance(old, MutableMapping) and isinstance(new, MutableMapping):
        return merge_hash(old, new, recursive, list_merge) if recursive else new
    if isinstance(old, MutableSequence) and isinstance(new, MutableSequence):
        return {
            "replace": lambda: new,
            "keep": lambda: old,
            "append": lambda: old + new,
            "prepend": lambda: new + old,
            "append_rp": lambda: [item for item in old if item not in new] + new,
            "prepend_rp": lambda: new + [item for item in old if item not in new],
        }[list_merge]()
    return new


def combine_vars(a, b, merge=None):
    return merge_hash(a, b) if merge else dict(a, **b)


def load_extra_vars(loader=None):
    """Variables of the command line."""
    from rplay_sidecar import inventories

    return dict(inventories.EXTRA)


def isidentifier(ident):
    return isinstance(ident, str) and ident.isidentifier() and re.match(r"^[\x00-\x7f]*$", ident) is not None


validate_variable_name = isidentifier


def transform_to_native_types(value, redact=True):
    return value
