"""Options of vars plugins."""


class ModuleDocFragment:
    DOCUMENTATION = """
options:
  stage:
    choices: [all, task, inventory]
"""
