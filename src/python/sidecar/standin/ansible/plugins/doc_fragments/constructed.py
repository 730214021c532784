"""Options of plugins that make groups of expressions."""


class ModuleDocFragment:
    DOCUMENTATION = """
options:
  strict: {type: bool, default: false}
  compose: {type: dict, default: {}}
  groups: {type: dict, default: {}}
  keyed_groups: {type: list, elements: dict, default: []}
  use_extra_vars:
    type: bool
    default: false
    ini: [{section: inventory_plugins, key: use_extra_vars}]
    env: [{name: ANSIBLE_INVENTORY_USE_EXTRA_VARS}]
  leading_separator: {type: bool, default: true}
"""
