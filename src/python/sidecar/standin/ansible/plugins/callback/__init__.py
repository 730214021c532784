"""The base of callbacks: a method for everything that happens, named as since Ansible 2.0, and the older names."""

import copy
import json

from ansible import constants as C  # noqa: F401
from ansible.plugins import AnsiblePlugin
from ansible.utils.display import Display
from ansible.vars.clean import strip_internal_keys
from rplay_sidecar import wire as _wire

global_display = Display()

__all__ = ["CallbackBase"]

module_response_deepcopy = copy.deepcopy


class CallbackBase(AnsiblePlugin):
    """Hears what happens."""

    CALLBACK_VERSION = 2.0
    _implemented_callback_methods = frozenset()

    def __init__(self, display=None, options=None):
        super().__init__()
        self._display = display or global_display
        self.disabled = False
        self.wants_implicit_tasks = False
        self._plugin_options = {}
        self._hide_in_debug = ("changed", "failed", "skipped", "invocation", "skip_reason", "ansible_loop_var",
                               "ansible_index_var", "ansible_loop")
        self._current_task_result = None
        if options is not None:
            self.set_options(options)

    _copy_result = copy.deepcopy

    # Options

    def set_options(self, task_keys=None, var_options=None, direct=None):
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        self._plugin_options = self._options

    def set_option(self, k, v):
        self._plugin_options[k] = v

    def get_option(self, k, hostvars=None):
        return self._plugin_options[k]

    def get_option_and_origin(self, k, hostvars=None):
        return self._plugin_options[k], "default"

    def has_option(self, option):
        return option in self._plugin_options

    def set_play_context(self, play_context):
        pass

    # What callbacks share

    @staticmethod
    def host_label(result):
        label = result._host.get_name()
        delegated = result._result.get("_ansible_delegated_vars") or {}
        other = result._task.delegate_to
        if other and other != label:
            label += " -> {}".format(other)
            address = delegated.get("ansible_host", other)
            if address != other:
                label += "({})".format(address)
        return label

    def _run_is_verbose(self, result, verbosity=0):
        return (self._display.verbosity > verbosity or result._result.get("_ansible_verbose_always", False) is True) and (
            result._result.get("_ansible_verbose_override", False) is False
        )

    def _option(self, name, default=None):
        try:
            return self.get_option(name)
        except KeyError:
            return default

    def _dump_results(self, result, indent=None, sort_keys=True, keep_invocation=False, serialize=True):
        form, pretty = self._option("result_format", "json"), self._option("pretty_results")
        wanted = (result.get("_ansible_verbose_always"), pretty is None and form != "json", pretty is True,
                  self._display.verbosity > 2)
        if not indent and any(wanted):
            indent = 4
        if pretty is False:
            indent = None
        shown = strip_internal_keys(copy.deepcopy(dict(result)))
        if not keep_invocation and self._display.verbosity < 3:
            shown.pop("invocation", None)
        if self._display.verbosity < 3:
            shown.pop("diff", None)
        for name in ("exception", "warnings", "deprecations"):
            shown.pop(name, None)
        if not serialize:
            return shown
        if form == "yaml":
            return _wire.CURRENT.ask("dump", value=json.loads(json.dumps(shown, default=str)))
        return json.dumps(shown, indent=indent, ensure_ascii=False, sort_keys=sort_keys, default=str)

    def _handle_warnings(self, res):
        for text in res.pop("warnings", None) or []:
            self._display.warning(text)
        for entry in res.pop("deprecations", None) or []:
            self._display.deprecated(entry.get("msg", "") if isinstance(entry, dict) else entry,
                                     version=entry.get("version") if isinstance(entry, dict) else None)

    def _handle_exception(self, result, use_stderr=False):
        if result.pop("exception", None):
            _wire.CURRENT.ask("exception", stderr=bool(use_stderr))

    def _handle_warnings_and_exception(self, result):
        self._handle_warnings(result._result)
        self._handle_exception(result._result, use_stderr=bool(self._option("display_failed_stderr")))

    def _get_diff(self, difflist):
        """The text of differences."""
        return _wire.CURRENT.ask("diff", value=difflist if isinstance(difflist, list) else [difflist])

    def _get_item_label(self, result):
        if result.get("_ansible_no_log"):
            return "(censored due to no_log)"
        return result.get("_ansible_item_label", result.get("item"))

    _get_item = _get_item_label

    def _process_items(self, result):
        # Each item was told of on its own.
        del result._result["results"]

    def _clean_results(self, result, task_name):
        if task_name in ("debug", "ansible.builtin.debug", "ansible.legacy.debug"):
            if "msg" in result:
                for name in self._hide_in_debug:
                    result.pop(name, None)
                for name in ("changed", "failed", "skipped", "results"):
                    result.pop(name, None)
            else:
                for name in self._hide_in_debug:
                    result.pop(name, None)

    def _print_task_path(self, task, color=None):
        path = task.get_path()
        if path:
            self._display.display("task path: {}".format(path), color=color)

    # Names before 2.0

    def on_any(self, *args, **kwargs):
        pass

    def runner_on_failed(self, host, res, ignore_errors=False):
        pass

    def runner_on_ok(self, host, res):
        pass

    def runner_on_skipped(self, host, item=None):
        pass

    def runner_on_unreachable(self, host, res):
        pass

    def runner_on_async_poll(self, host, res, jid, clock):
        pass

    def runner_on_async_ok(self, host, res, jid):
        pass

    def runner_on_async_failed(self, host, res, jid):
        pass

    def playbook_on_start(self):
        pass

    def playbook_on_notify(self, host, handler):
        pass

    def playbook_on_no_hosts_matched(self):
        pass

    def playbook_on_no_hosts_remaining(self):
        pass

    def playbook_on_task_start(self, name, is_conditional):
        pass

    def playbook_on_vars_prompt(self, varname, private=True, prompt=None, encrypt=None, confirm=False, salt_size=None,
                                salt=None, default=None, unsafe=None):
        pass

    def playbook_on_play_start(self, name):
        pass

    def playbook_on_stats(self, stats):
        pass

    def on_file_diff(self, host, diff):
        pass

    # What happens

    def v2_on_any(self, *args, **kwargs):
        self.on_any(args, kwargs)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.runner_on_failed(result._host.get_name(), result._result, ignore_errors)

    def v2_runner_on_ok(self, result):
        self.runner_on_ok(result._host.get_name(), result._result)

    def v2_runner_on_skipped(self, result):
        self.runner_on_skipped(result._host.get_name(), self._get_item_label(getattr(result._result, "results", {})))

    def v2_runner_on_unreachable(self, result):
        self.runner_on_unreachable(result._host.get_name(), result._result)

    def v2_runner_on_async_poll(self, result):
        jid = result._result.get("ansible_job_id")
        self.runner_on_async_poll(result._host.get_name(), result._result, jid, 0)

    def v2_runner_on_async_ok(self, result):
        self.runner_on_async_ok(result._host.get_name(), result._result, result._result.get("ansible_job_id"))

    def v2_runner_on_async_failed(self, result):
        self.runner_on_async_failed(result._host.get_name(), result._result, result._result.get("ansible_job_id"))

    def v2_playbook_on_start(self, playbook):
        self.playbook_on_start()

    def v2_playbook_on_notify(self, handler, host):
        self.playbook_on_notify(host, handler)

    def v2_playbook_on_no_hosts_matched(self):
        self.playbook_on_no_hosts_matched()

    def v2_playbook_on_no_hosts_remaining(self):
        self.playbook_on_no_hosts_remaining()

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.playbook_on_task_start(task.name, is_conditional)

    def v2_playbook_on_cleanup_task_start(self, task):
        pass

    def v2_playbook_on_handler_task_start(self, task):
        pass

    def v2_playbook_on_vars_prompt(self, varname, private=True, prompt=None, encrypt=None, confirm=False,
                                   salt_size=None, salt=None, default=None, unsafe=None):
        self.playbook_on_vars_prompt(varname, private, prompt, encrypt, confirm, salt_size, salt, default, unsafe)

    def v2_playbook_on_play_start(self, play):
        self.playbook_on_play_start(play.name)

    def v2_playbook_on_stats(self, stats):
        self.playbook_on_stats(stats)

    def v2_on_file_diff(self, result):
        if "diff" in result._result:
            self.on_file_diff(result._host.get_name(), result._result["diff"])

    def v2_playbook_on_include(self, included_file):
        pass

    def v2_runner_item_on_ok(self, result):
        pass

    def v2_runner_item_on_failed(self, result):
        pass

    def v2_runner_item_on_skipped(self, result):
        pass

    def v2_runner_retry(self, result):
        pass

    def v2_runner_on_start(self, host, task):
        pass


def native(name):
    """The class of one of rplay's own outputs, for callbacks that change it a little: what it is asked to show, rplay
    shows.
    """

    class CallbackModule(CallbackBase):
        CALLBACK_VERSION = 2.0
        CALLBACK_TYPE = "stdout"
        CALLBACK_NAME = "ansible.builtin." + name

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self._play = None
            self._last_task_banner = self._last_task_name = None
            self._task_type_cache = {}
            self._plugin_options.update(
                display_skipped_hosts=True, display_ok_hosts=True, show_custom_stats=False, display_failed_stderr=False,
                check_mode_markers=False, show_per_host_start=False, show_task_path_on_failure=False,
                result_format="json", pretty_results=None,
            )

    def show(method):
        def call(self, *args, **kwargs):
            result = next((arg for arg in args if hasattr(arg, "_result")), None)
            _wire.CURRENT.ask("show", output=name, data=None if result is None else _plain(result._result))

        call.__name__ = method
        return call

    for method in list(vars(CallbackBase)):
        if method.startswith("v2_") and method not in ("v2_on_any", "v2_playbook_on_vars_prompt"):
            setattr(CallbackModule, method, show(method))
    CallbackModule.__module__ = "ansible.plugins.callback." + name
    return CallbackModule


def _plain(result):
    return json.loads(json.dumps(result, default=str))
