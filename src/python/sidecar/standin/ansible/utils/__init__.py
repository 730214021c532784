"""Also the functions that plugins of Ansible 1 found here."""

from ansible.module_utils.parsing.convert_bool import boolean as _boolean


def boolean(value):
    return _boolean(value, strict=False)


def listify_lookup_plugin_terms(terms, basedir=None, inject=None):
    from ansible.utils.listify import listify_lookup_plugin_terms as listify

    return listify(terms)
