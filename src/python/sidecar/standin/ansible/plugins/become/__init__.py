"""Becoming another user, for connections that are plugins themselves; rplay's own do it in the engine."""

import shlex
import uuid

from ansible.plugins import AnsiblePlugin


class BecomeBase(AnsiblePlugin):
    """How a command line becomes one of another user."""

    name = None
    fail = ()
    missing = ()
    require_tty = False
    prompt = ""
    expect_shell = True

    def __init__(self):
        super().__init__()
        self._id = ""
        self.success = ""

    def get_option(self, option, hostvars=None, playcontext=None):
        if option not in self._options and not self._rplay_specs:
            return getattr(playcontext, option, None)
        return super().get_option(option, hostvars)

    def expect_prompt(self):
        return bool(self.prompt and self.get_option("become_pass"))

    def _build_success_command(self, cmd, shell, noexe=False):
        if not cmd:
            return cmd
        command = "echo {} {} {}".format(self.success, getattr(shell, "COMMAND_SEP", ";"), cmd)
        executable = getattr(shell, "executable", None) or "/bin/sh"
        return shlex.quote(command) if noexe else "{} -c {}".format(executable, shlex.quote(command))

    def build_become_command(self, cmd, shell):
        self._id = uuid.uuid4().hex
        self.success = "BECOME-SUCCESS-" + self._id
        return cmd

    def check_success(self, b_output):
        return any(self.success.encode() == line.rstrip() for line in b_output.splitlines())

    def check_password_prompt(self, b_output):
        return bool(self.prompt) and self.prompt.encode() in b_output

    def check_incorrect_password(self, b_output):
        return any(text.encode() in b_output for text in self.fail)

    def check_missing_password(self, b_output):
        return any(text.encode() in b_output for text in self.missing)


class _Known(BecomeBase):
    """A program that rplay knows itself."""

    def __init__(self, name, options):
        super().__init__()
        self.name = self._load_name = name
        self._options = options

    def get_option(self, option, hostvars=None, playcontext=None):
        value = self._options[option]
        return value() if callable(value) else value

    def has_option(self, option):
        return option in self._options

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        if not cmd:
            return cmd
        exe = self.get_option("become_exe") or self.name
        flags = self.get_option("become_flags")
        user = self.get_option("become_user") or "root"
        if self.name == "su":
            return "{} {} {} -c {}".format(exe, flags or "", user, shlex.quote(self._build_success_command(cmd, shell)))
        flags = "-H -S -n" if flags is None and self.name == "sudo" else flags or ""
        return "{} {} -u {} {}".format(exe, flags, user, self._build_success_command(cmd, shell)).replace("  ", " ")
