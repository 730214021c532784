"""Actions: what they are given, how they end."""

from rplay_sidecar import connections, lookups, play, plugins, wire
from rplay_sidecar.context import Variables


class Templar(lookups.Templar):
    """The templar of an action. Text that the action made itself, or read from a file, is rendered where old releases did;
    text of hosts is not.
    """

    def template(self, variable, *args, **kwargs):
        if wire.LENIENT and type(variable) is str:
            from rplay_sidecar import values

            variable = values.Trusted(variable)
        return super().template(variable, *args, **kwargs)

    do_template = template

    def changes(self):
        """Variables that differ from the task's."""
        return self._extra()

    def set_available_variables(self, variables):
        self.available_variables = variables


class Context:
    """Everything an action is made with, for it and for those it makes."""

    def __init__(self, worker, message):
        secret = connections.secrets(worker.wire)
        self.variables = Variables(worker.wire, message["scope"])
        self.task = play.Task(message["task"])
        self.task._search_path = message["search_path"]
        fields = message["connection"]
        self.play_context = play.PlayContext(fields, secret)
        self.connection = getattr(worker, "connection", None) if fields.get("plugin") else None
        if self.connection is None or not self.connection.connected:
            self.connection = connections.make(worker, fields, self.play_context, message["connection_scope"])
        if fields.get("plugin"):
            worker.connection = self.connection
        self.templar = Templar(worker.wire, message["scope"], self.variables, message["basedir"])
        self.loader = self.templar._loader
        self.task._loader = self.loader
        self.task._variable_manager = VariableManager(self.variables)


class VariableManager:
    """The variables of the task's host, by the name under which plugins ask for them."""

    def __init__(self, variables):
        self._all = variables
        self._inventory = Inventory(variables)

    def get_vars(self, play=None, host=None, task=None, **_):
        return self._all

    @property
    def extra_vars(self):
        return {}


class Inventory:
    """The inventory, as far as variables tell of it."""

    def __init__(self, variables):
        self._variables = variables

    def get_groups_dict(self):
        return {name: list(hosts) for name, hosts in self._variables["groups"].items()}

    groups = property(get_groups_dict)

    def list_hosts(self, pattern="all"):
        return list(self._variables["groups"].get(pattern) or [])

    def list_groups(self):
        return list(self._variables["groups"])


def instance(worker, file, collection, name, context):
    cls = getattr(worker.plugins.module("action", file, collection), "ActionModule", None)
    if cls is None:
        raise ImportError("there is no class ActionModule in it")
    from ansible.plugins import loader

    made = cls(
        task=context.task, connection=context.connection, play_context=context.play_context, loader=context.loader,
        templar=context.templar, shared_loader_obj=loader,
    )
    made._load_name = made.ansible_name = name
    made._original_path = file
    made._redirected_names = [name]
    return made


class Office:
    """Runs actions."""

    def __init__(self, worker):
        self.worker = worker
        from ansible.utils.display import Display

        plugins.hear_display()
        self.display = Display

    def do_act(self, message):
        self.display.verbosity = message.get("verbosity", 0)
        context = Context(self.worker, message)
        plugin = message["plugin"]
        action = instance(self.worker, plugin["file"], plugin["collection"], plugin["name"], context)
        if "_raw_params" in context.task.args and not action.supports_raw_params:
            from ansible.errors import AnsibleError

            raise AnsibleError("Action '{}' does not support raw params.".format(context.task.action))
        try:
            result = action.run(task_vars=context.variables)
        finally:
            action.cleanup()
        if not isinstance(result, dict):
            raise TypeError("the action gave {} instead of a dict".format(type(result).__name__))
        return {"op": "done", "value": self.worker.wire.codec.encode(plain(result))}


def plain(result):
    """A result without what no result of Ansible holds."""
    return {str(key): value for key, value in result.items()}
