"""Options of inventory plugins that keep what they fetched."""


class ModuleDocFragment:
    DOCUMENTATION = """
options:
  cache:
    type: bool
    default: false
    env: [{name: ANSIBLE_INVENTORY_CACHE}]
    ini: [{section: inventory, key: cache}]
  cache_plugin:
    default: memory
    env: [{name: ANSIBLE_CACHE_PLUGIN}, {name: ANSIBLE_INVENTORY_CACHE_PLUGIN}]
    ini: [{section: defaults, key: fact_caching}, {section: inventory, key: cache_plugin}]
  cache_timeout:
    type: int
    default: 3600
    env: [{name: ANSIBLE_CACHE_PLUGIN_TIMEOUT}, {name: ANSIBLE_INVENTORY_CACHE_TIMEOUT}]
    ini: [{section: defaults, key: fact_caching_timeout}, {section: inventory, key: cache_timeout}]
  cache_connection:
    env: [{name: ANSIBLE_CACHE_PLUGIN_CONNECTION}, {name: ANSIBLE_INVENTORY_CACHE_CONNECTION}]
    ini: [{section: defaults, key: fact_caching_connection}, {section: inventory, key: cache_connection}]
  cache_prefix:
    default: ansible_inventory_
    env: [{name: ANSIBLE_CACHE_PLUGIN_PREFIX}, {name: ANSIBLE_INVENTORY_CACHE_PLUGIN_PREFIX}]
    ini: [{section: defaults, key: fact_caching_prefix}, {section: inventory, key: cache_prefix}]
"""
