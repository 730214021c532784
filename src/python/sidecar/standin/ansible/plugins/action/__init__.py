"""The base of actions. What they ask for is done by rplay's engine: modules, commands and files of the task's host."""

import abc
import contextlib
import os
import shlex
import tempfile

from ansible import constants as C  # noqa: F401
from ansible.errors import AnsibleActionFail, AnsibleActionSkip, AnsibleError
from ansible.plugins import AnsiblePlugin
from ansible.utils.display import Display
from rplay_sidecar import diffs as _diffs
from rplay_sidecar import wire as _wire

display = Display()

__all__ = ["ActionBase", "display"]


class ActionBase(AnsiblePlugin, metaclass=abc.ABCMeta):
    """The controller's part of a task."""

    _VALID_ARGS = frozenset()
    BYPASS_HOST_LOOP = False
    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False
    supports_raw_params = False

    def __init__(self, task, connection, play_context, loader, templar, shared_loader_obj=None):
        super().__init__()
        from ansible.plugins import loader as loaders

        self._task = task
        self._connection = connection
        self._play_context = play_context
        self._loader = loader
        self._templar = templar
        self._shared_loader_obj = loaders
        self._cleanup_remote_tmp = False
        self._display = display
        self._discovered_interpreter_key = None
        self._discovered_interpreter = False
        self._used_interpreter = None

    @abc.abstractmethod
    def run(self, tmp=None, task_vars=None):
        """Checks what every action checks; the result to go on with."""
        task = self._task
        if task.async_val and not self._supports_async:
            raise AnsibleActionFail("This action ({}) does not support async.".format(task.action))
        if task.check_mode and not self._supports_check_mode:
            raise AnsibleActionSkip("This action ({}) does not support check mode.".format(task.action))
        if self._VALID_ARGS:
            unknown = [name for name in task.args if name not in self._VALID_ARGS]
            if unknown:
                raise AnsibleActionFail("Invalid options for {}: {}".format(task.action, ",".join(unknown)))
        if self._connection._shell.tmpdir is None and self._early_needs_tmp_path():
            self._make_tmp_path()
        return {}

    def cleanup(self, force=False):
        if force or not self._task.async_val:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    @classmethod
    @contextlib.contextmanager
    def get_finalize_task_args_context(cls):
        yield None

    @classmethod
    def finalize_task_arg(cls, name, value, templar, context):
        return templar.template(value)

    def validate_argument_spec(self, argument_spec=None, mutually_exclusive=None, required_together=None,
                               required_one_of=None, required_if=None, required_by=None):
        """The task's arguments checked against a specification, as modules check theirs."""
        from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

        args = dict(self._task.args)
        validator = ArgumentSpecValidator(
            argument_spec, mutually_exclusive=mutually_exclusive, required_together=required_together,
            required_one_of=required_one_of, required_if=required_if, required_by=required_by,
        )
        result = validator.validate(args)
        args.update(result.validated_parameters)
        errors = list(result.errors)
        if errors:
            message = result.errors.msg
            if type(errors[0]).__name__ == "UnsupportedError":
                message = "Unsupported parameters for ({}) module: {}".format(self._load_name, message)
            raise AnsibleActionFail(message)
        return result, args

    # Options of other plugins

    def get_plugin_option(self, plugin, option, default=None):
        try:
            return plugin.get_option(option)
        except (AttributeError, KeyError):
            return default

    def get_become_option(self, option, default=None):
        return self.get_plugin_option(self._connection.become, option, default=default)

    def get_connection_option(self, option, default=None):
        return self.get_plugin_option(self._connection, option, default=default)

    def get_shell_option(self, option, default=None):
        return self.get_plugin_option(self._connection._shell, option, default=default)

    def _get_remote_user(self):
        try:
            return self._connection.get_option("remote_user")
        except KeyError:
            return getattr(self._connection, "default_user", None) or self._play_context.remote_user

    def _get_remote_addr(self, tvars):
        for name in ("remote_addr", "host"):
            try:
                return self._connection.get_option(name)
            except KeyError:
                continue
        return self._play_context.remote_addr

    def _get_admin_users(self):
        return self.get_shell_option("admin_users", ["root"])

    def _is_become_unprivileged(self):
        if not self._connection.become:
            return False
        user = self.get_become_option("become_user")
        return bool(user and user not in [*self._get_admin_users(), self._get_remote_user()])

    def _is_pipelining_enabled(self, module_style, wrap_async=False):
        return module_style == "new" and not wrap_async

    def _early_needs_tmp_path(self):
        return bool(self.TRANSFERS_FILES)

    # Modules

    def _execute_module(self, module_name=None, module_args=None, tmp=None, task_vars=None, persist_files=False,
                        delete_remote_tmp=None, wrap_async=False, ignore_unknown_opts=False):
        """Runs a module on the task's host; its result."""
        name = module_name or self._task.action
        args = self._task.args if module_args is None else module_args
        codec = _wire.CURRENT.codec
        result = _wire.CURRENT.ask(
            "module",
            name=str(name),
            args=codec.encode(dict(args)),
            wrap_async=bool(wrap_async),
            lenient=bool(ignore_unknown_opts),
            own=module_name is None,
            tmpdir=self._connection._shell.tmpdir,
            **self._task.modes(),
        )
        for stream in ("stdout", "stderr"):
            if stream in result and stream + "_lines" not in result:
                text = result[stream]
                result[stream + "_lines"] = text.splitlines() if isinstance(text, str) else []
        return result

    def _configure_module(self, module_name, module_args, task_vars):
        raise AnsibleError("rplay builds modules itself: use _execute_module")

    def _update_module_args(self, module_name, module_args, task_vars, ignore_unknown_opts=False):
        module_args["_ansible_check_mode"] = bool(self._task.check_mode)

    def _parse_returned_data(self, res, profile=None):
        import json

        text = res.get("stdout", "")
        start = text.find("{")
        try:
            data = json.JSONDecoder().raw_decode(text[start:])[0] if start >= 0 else None
        except ValueError:
            data = None
        if isinstance(data, dict):
            return dict(data, _ansible_parsed=True)
        return dict(failed=True, msg="Module result deserialization failed.", _ansible_parsed=False,
                    module_stdout=text, module_stderr=res.get("stderr", ""), rc=res.get("rc", 1))

    def _execute_remote_stat(self, path, all_vars, follow, tmp=None, checksum=True):
        args = dict(path=path, follow=follow, get_checksum=checksum, checksum_algorithm="sha1")
        found = self._execute_module("ansible.legacy.stat", args, task_vars=all_vars)
        if found.get("failed"):
            text = found.get("module_stderr") or found.get("module_stdout") or found.get("msg")
            raise AnsibleError("Failed to get information on remote file ({}): {}".format(path, text))
        stat = found["stat"]
        if not stat["exists"]:
            stat["checksum"] = "1"
        stat.setdefault("checksum", "")
        return stat

    def _remote_checksum(self, path, all_vars, follow=False):
        stat = self._execute_remote_stat(path, all_vars, follow)
        return "3" if stat["exists"] and stat.get("isdir") else stat["checksum"]

    # Commands

    def _low_level_execute_command(self, cmd, sudoable=True, in_data=None, executable=None,
                                   encoding_errors="surrogate_then_replace", chdir=None):
        """Runs a command line on the task's host."""
        connection = self._connection
        if chdir:
            cmd = connection._shell.append_command("cd {}".format(chdir), cmd)
        if executable is None and connection.allow_executable:
            executable = self._play_context.executable
        if not getattr(connection, "rplay_native", False):
            if sudoable and connection.become:
                cmd = connection.become.build_become_command(cmd, connection._shell)
            if executable:
                cmd = executable + " -c " + shlex.quote(cmd)
        elif executable and executable != "/bin/sh":
            cmd = executable + " -c " + shlex.quote(cmd)
        rc, stdout, stderr = connection.exec_command(cmd, in_data=in_data, sudoable=sudoable)
        out, err = _text(stdout), _text(stderr)
        out = self._strip_success_message(out)
        return dict(rc=rc or 0, stdout=out, stdout_lines=out.splitlines(), stderr=err, stderr_lines=err.splitlines())

    def _strip_success_message(self, data):
        if data.lstrip().startswith("BECOME-SUCCESS-"):
            return data.lstrip().partition("\n")[2]
        return data

    def _compute_environment_string(self, raw_environment_out=None):
        found = {}
        environment = self._task.environment or []
        for one in environment if isinstance(environment, list) else [environment]:
            found.update(self._templar.template(one) or {})
        if isinstance(raw_environment_out, dict):
            raw_environment_out.clear()
            raw_environment_out.update(found)
        return self._connection._shell.env_prefix(**found)

    # Files

    def _remote_file_exists(self, path):
        return self._low_level_execute_command(self._connection._shell.exists(path))["rc"] == 0

    def _remote_expand_user(self, path, sudoable=True, pathsep=None):
        if not path.startswith("~"):
            return path
        home, _, rest = path.partition("/")
        user = self.get_become_option("become_user") if sudoable and self._connection.become else None
        if home == "~" and user:
            home = "~" + user
        found = self._low_level_execute_command("echo {}".format(home), sudoable=False)["stdout"].strip()
        if not found:
            return path
        expanded = self._connection._shell.join_path(found.splitlines()[-1], rest) if rest else found.splitlines()[-1]
        if ".." in os.path.dirname(expanded).split("/"):
            raise AnsibleError("'{}' returned an invalid relative home directory path containing '..'".format(
                self._get_remote_addr({})))
        return expanded

    def _make_tmp_path(self, remote_user=None):
        """A folder on the host that only the user who works there may enter."""
        shell = self._connection._shell
        if getattr(self._connection, "_remote_is_local", False):
            base = C.DEFAULT_LOCAL_TMP
        elif self._is_become_unprivileged():
            base = self.get_shell_option("system_tmpdirs", ["/var/tmp", "/tmp"])[0]
        else:
            base = self.get_shell_option("remote_tmp", "~/.ansible/tmp")
            base = self._remote_expand_user(base, sudoable=False) if not self._connection.become else base
        name = shell._generate_temp_dir_name()
        folder = base.rstrip("/") + "/" + name
        shown = folder if folder.startswith("~") else shlex.quote(folder)
        parent = base if base.startswith("~") else shlex.quote(base)
        cmd = "umask 77 && mkdir -p {} && mkdir {} && cd {} && echo {}=\"$(pwd)\"".format(parent, shown, shown, name)
        result = self._low_level_execute_command(cmd, sudoable=getattr(self._connection, "rplay_native", False))
        if result["rc"] != 0:
            from ansible.errors import AnsibleConnectionFailure

            text = ("Failed to create temporary directory. In some cases, you may have been able to authenticate and did"
                    " not have permissions on the target directory. Consider changing the remote tmp path in ansible.cfg"
                    " to a path rooted in \"/tmp\", for more error information use -vvv. Failed command was: {}, exited"
                    " with result {}".format(cmd, result["rc"]))
            for stream in ("stdout", "stderr"):
                if result[stream]:
                    text += ", {} output: {}".format(stream, result[stream])
            raise AnsibleConnectionFailure(text)
        self._cleanup_remote_tmp = True
        made = result["stdout"].strip().rpartition(name + "=")[2].splitlines()
        if not made or made[-1] in ("", "/"):
            raise AnsibleError("failed to resolve remote temporary directory from {}: `{}` returned empty string".format(
                name, cmd))
        shell.tmpdir = made[-1].rstrip("/") + "/"
        return shell.tmpdir

    def _should_remove_tmp_path(self, tmp_path):
        return bool(tmp_path) and self._cleanup_remote_tmp and not C.DEFAULT_KEEP_REMOTE_FILES and "-tmp-" in tmp_path

    def _remove_tmp_path(self, tmp_path, force=False):
        shell = self._connection._shell
        if tmp_path is None and shell.tmpdir:
            tmp_path = shell.tmpdir
        if not (force or self._should_remove_tmp_path(tmp_path)):
            return
        native = getattr(self._connection, "rplay_native", False)
        result = self._low_level_execute_command(shell.remove(tmp_path, recurse=True), sudoable=native)
        if result["rc"] != 0:
            display.warning("Error deleting remote temporary files (rc: {}, stderr: {})".format(
                result["rc"], result["stderr"]))
        else:
            shell.tmpdir = None

    def _transfer_file(self, local_path, remote_path):
        put = getattr(self._connection, "rplay_put", self._connection.put_file)
        put(local_path, remote_path)
        return remote_path

    def _transfer_data(self, remote_path, data):
        if isinstance(data, (dict, list)):
            import json

            data = json.dumps(data)
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if not isinstance(data, bytes):
            raise TypeError("data must be either a string or bytes")
        handle, path = tempfile.mkstemp(dir=C.DEFAULT_LOCAL_TMP)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            self._transfer_file(path, remote_path)
        finally:
            os.unlink(path)
        return remote_path

    def _fixup_perms2(self, remote_paths, remote_user=None, execute=True):
        """Files were sent as the user who is to read them; only the bit to run them may be missing."""
        if execute:
            result = self._remote_chmod(remote_paths, "u+rwx", sudoable=getattr(self._connection, "rplay_native", False))
            if result["rc"] != 0:
                raise AnsibleError("Failed to set permissions on remote files (rc: {}, err: {})".format(
                    result["rc"], result["stderr"]))
        return remote_paths

    _fixup_perms = _fixup_perms2

    def _remote_chmod(self, paths, mode, sudoable=False):
        return self._low_level_execute_command(self._connection._shell.chmod(paths, mode), sudoable=sudoable)

    def _remote_chown(self, paths, user, sudoable=False):
        return self._low_level_execute_command(self._connection._shell.chown(paths, user), sudoable=sudoable)

    def _remote_chgrp(self, paths, group, sudoable=False):
        return self._low_level_execute_command(self._connection._shell.chgrp(paths, group), sudoable=sudoable)

    def _remote_set_user_facl(self, paths, user, mode, sudoable=False):
        return self._low_level_execute_command(self._connection._shell.set_user_facl(paths, user, mode), sudoable=sudoable)

    def _find_needle(self, dirname, needle):
        return self._loader.path_dwim_relative_stack(self._task.get_search_path(), dirname, needle)

    def _get_diff_data(self, destination, source, task_vars, content=None, source_file=True):
        return _diffs.of(self, destination, source, task_vars, content, source_file)


def _text(value):
    if isinstance(value, str):
        return value
    if not isinstance(value, (bytes, bytearray)):
        value = b"" if value is None else b"".join(value.readlines())
    return bytes(value).decode("utf-8", "replace")


def native(name):
    """The class that hands a task to an action of rplay's own."""

    class ActionModule(ActionBase):
        _requires_connection = name not in ("debug", "set_fact", "assert", "fail", "include_vars")
        supports_raw_params = name in ("command", "shell", "raw", "script", "include_vars")
        BYPASS_HOST_LOOP = name in ("add_host", "pause")
        TRANSFERS_FILES = False
        _supports_async = name in ("command", "shell", "normal", "copy")

        def run(self, tmp=None, task_vars=None):
            module = self._task.action if name == "normal" else name
            codec = _wire.CURRENT.codec
            extra = self._templar.changes() if hasattr(self._templar, "changes") else {}
            result = _wire.CURRENT.ask(
                "action",
                name=str(module),
                args=codec.encode(dict(self._task.args)),
                extra={key: codec.encode(value) for key, value in extra.items() if isinstance(key, str)},
                **self._task.modes(),
            )
            result.setdefault("invocation", {"module_args": dict(self._task.args)})
            return result

    ActionModule.__module__ = "ansible.plugins.action." + name
    return ActionModule
