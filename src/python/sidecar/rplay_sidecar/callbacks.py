"""Callbacks: rplay's events as the methods that callbacks are made of."""

from rplay_sidecar import lookups, play, plugins, results

_METHODS = (
    "playbook_on_start", "playbook_on_play_start", "playbook_on_task_start", "playbook_on_handler_task_start",
    "playbook_on_no_hosts_matched", "playbook_on_no_hosts_remaining", "playbook_on_notify", "playbook_on_include",
    "playbook_on_stats", "playbook_on_vars_prompt", "runner_on_start", "runner_on_ok", "runner_on_failed", "runner_on_skipped",
    "runner_on_unreachable", "runner_item_on_ok", "runner_item_on_failed", "runner_item_on_skipped", "runner_retry",
    "runner_on_async_poll", "runner_on_async_ok", "runner_on_async_failed", "on_file_diff",
)


class Office:
    """Calls callbacks."""

    def __init__(self, worker):
        self.worker = worker
        # What comes is what is shown: nothing in it is anything but JSON.
        worker.wire.codec.decode = lambda found: found
        worker.wire.codec.guards_text = False
        self.callbacks = []
        self.tasks, self.hosts = {}, {}
        self.play = self.loader = None
        self.manager = results.VariableManager({})
        from ansible.utils.display import Display

        plugins.hear_display()
        self.display = Display()

    def do_callbacks(self, message):
        """Loads callbacks; tells which methods any of them has."""
        type(self.display).verbosity = message["verbosity"]
        type(self.display).columns = message["columns"]
        self.message = message
        self.manager = results.VariableManager(message.get("extra_vars") or {})
        stdout = message.get("stdout")
        if stdout:
            self.add(stdout, True)
        for plugin in message["plugins"]:
            try:
                self.add(plugin, False)
            except Exception as error:
                self.display.warning("Failed to load callback plugin '{}'.: {}".format(plugin["name"], plugins.message_of(error)))
        implemented = set()
        for callback in self.callbacks:
            implemented |= callback._implemented_callback_methods
        wanted = ["v2_" + name for name in _METHODS if "v2_" + name in implemented or "v2_on_any" in implemented]
        return {"op": "done", "methods": wanted, "callbacks": [callback._load_name for callback in self.callbacks]}

    def add(self, plugin, stdout):
        cls = getattr(self.worker.plugins.module("callback", plugin["file"], plugin["collection"]), "CallbackModule", None)
        if cls is None:
            raise ImportError("there is no class CallbackModule in it")
        name = plugin["name"]
        if not stdout:
            if getattr(cls, "CALLBACK_TYPE", "") == "stdout":
                self.display.vv("Skipping callback '{}', as we already have a stdout callback.".format(name))
                return
            needs = getattr(cls, "CALLBACK_NEEDS_ENABLED", getattr(cls, "CALLBACK_NEEDS_WHITELIST", False))
            if needs and not plugin["enabled"]:
                return
        callback = cls()
        if callback is None:
            self.display.warning("Skipping callback '{}', as it does not create a valid plugin instance.".format(name))
            return
        callback._load_name = callback.ansible_name = name
        callback._original_path = plugin["file"]
        callback._redirected_names = [name]
        described = {"config": self.worker.order.get("config"), "name": name, "file": plugin["file"]}
        own = dict(getattr(callback, "_plugin_options", {}))
        lookups.describe_options(self.worker.wire, callback, described, "callback")
        callback.set_options()
        callback._plugin_options = dict(own, **callback._plugin_options)
        callback._implemented_callback_methods = implemented(callback)
        self.callbacks.append(callback)

    # Events

    def host(self, name):
        if name not in self.hosts:
            self.hosts[name] = results.Host(name)
        return self.hosts[name]

    def do_event(self, message):
        """One event as a method's call on every callback."""
        args, kwargs = getattr(self, "of_" + message["event"])(message)
        self.send(message["method"], args, kwargs)
        return {"op": "done"}

    def send(self, method, args, kwargs):
        task = next((arg for arg in args if isinstance(arg, play.Task)), None)
        for callback in self.callbacks:
            if callback.disabled or task is not None and task.implicit and not callback.wants_implicit_tasks:
                continue
            known = callback._implemented_callback_methods
            callback._current_task_result = next((arg for arg in args if isinstance(arg, results.CallbackTaskResult)), None)
            for name in (method, "v2_on_any"):
                if name not in known:
                    continue
                try:
                    getattr(callback, name)(*args, **kwargs)
                except AssertionError:
                    raise
                except Exception as error:
                    self.display.warning("Callback dispatch '{}' failed for plugin '{}'.: {}".format(
                        method, callback._load_name, plugins.message_of(error)))
            callback._current_task_result = None

    def of_playbook(self, message):
        playbook = results.Playbook(message["file"])
        self.loader = playbook.get_loader()
        return [playbook], {}

    def of_play(self, message):
        self.play = results.Play(message["play"], self.manager, self.loader)
        context = play.PlayContext(self.message.get("context") or {}, lambda _name: None)
        for callback in self.callbacks:
            try:
                callback.set_play_context(context)
            except Exception as error:
                self.display.warning("Callback '{}' failed: {}".format(callback._load_name, plugins.message_of(error)))
        return [self.play], {}

    def of_nothing(self, message):
        return [], {}

    def task(self, number):
        return self.tasks[number]

    def of_task(self, message):
        found = message["task"]
        role = found.get("role")
        fields = {
            "name": found["short_name"] if found["named"] else "",
            "action": found["action"],
            "resolved_action": found["resolved"],
            "args": found["args"],
            "check_mode": found["check"],
            "diff": self.message.get("diff", False),
            "no_log": found["no_log"],
            "tags": found["tags"],
            "path": found.get("place"),
            # Tasks are not to be taken for plays.
            "uuid": results.identifier(found["id"] + (1 << 32)),
            "connection": self.message.get("transport"),
            "role": {"name": role, "path": ""} if role else None,
        }
        task = (play.Handler if found["handler"] else play.TaskInclude if found["include"] else play.Task)(fields)
        task._play = self.play
        task.implicit = found.get("implicit", False)
        task.loop = [] if found["looped"] else None
        task._shown = found["name"]
        task.get_name = lambda include_role_fqcn=True: found["name"]
        self.tasks[found["id"]] = task
        return ([task] if found["handler"] else [task, False]), {}

    def of_start(self, message):
        return [self.host(message["host"]), self.task(message["task"])], {}

    def result(self, message):
        found, task = message["result"], self.task(message["task"])
        data = dict(found["data"])
        if found.get("label") is not None:
            data["_ansible_item_label"] = found["label"]
        for name in ("no_log", "verbose_always", "verbose_override"):
            if found.get(name):
                data["_ansible_" + name] = True
        delegated = found.get("delegated_to")
        if delegated:
            task.delegate_to = delegated["host"]
            data["_ansible_delegated_vars"] = {
                "ansible_delegated_host": delegated["host"], "ansible_host": delegated.get("address") or delegated["host"],
            }
        if found.get("exception"):
            data.setdefault("exception", found["exception"])
        if found.get("warnings"):
            data["warnings"] = found["warnings"]
        if found.get("deprecations"):
            data["deprecations"] = found["deprecations"]
        fields = dict(task.dump_attrs(), name=task.name, ignore_errors=message.get("ignored", False))
        made = results.CallbackTaskResult(self.host(message["host"]), task, data, fields)
        made._ended = message.get("ended") or {}
        return made

    def of_result(self, message):
        made = self.result(message)
        if message["method"] == "v2_runner_on_failed":
            return [made], {"ignore_errors": message.get("ignored", False)}
        return [made], {}

    def of_included(self, message):
        hosts = [self.host(name) for name in message["hosts"]]
        return [results.Included(message["file"], hosts, self.task(message["task"]), message.get("label"))], {}

    def of_notified(self, message):
        handler = play.Handler({"name": message["handler"]})
        return [handler, self.host(message["host"])], {}

    def of_stats(self, message):
        return [results.Stats(message["hosts"], message["custom"])], {}

    def of_prompt(self, message):
        return [message["name"]], message["options"]


def implemented(callback):
    """The methods that a callback has of its own; one of an old name counts for the new one that calls it."""
    from ansible.plugins.callback import CallbackBase

    found = set()
    for name in [*("v2_" + method for method in _METHODS), "v2_on_any"]:
        for own in (name, name[3:]):
            base = getattr(CallbackBase, own, None)
            method = getattr(callback, own, None)
            if method is not None and getattr(method, "__func__", method) is not base:
                found.add(name)
    return frozenset(found)


