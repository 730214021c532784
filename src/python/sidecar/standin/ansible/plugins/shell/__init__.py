"""Command lines for the shell of a host."""

import os
import random
import re
import shlex
import time

from ansible.plugins import AnsiblePlugin


class _Command:
    """A command line, and what it reads."""

    def __init__(self, command, input_data=None):
        self.command = command
        self.input_data = input_data


class ShellBase(AnsiblePlugin):
    """What actions and connections ask of a POSIX shell."""

    SHELL_FAMILY = "sh"
    COMPATIBLE_SHELLS = frozenset(("sh", "zsh", "bash", "dash", "ksh"))
    ECHO = "echo"
    COMMAND_SEP = ";"
    _SHELL_EMBEDDED_PY_EOL = "\n"
    _SHELL_REDIRECT_ALLNULL = "> /dev/null 2>&1"
    _SHELL_AND = "&&"
    _SHELL_OR = "||"
    _SHELL_SUB_LEFT, _SHELL_SUB_RIGHT = '"`', '`"'
    _SHELL_GROUP_LEFT, _SHELL_GROUP_RIGHT = "(", ")"
    _IS_WINDOWS = False

    def __init__(self):
        super().__init__()
        self.env = {}
        self.tmpdir = None
        self.executable = "/bin/sh"
        self._load_name = "sh"
        self._options = {
            "remote_tmp": "~/.ansible/tmp",
            "system_tmpdirs": ["/var/tmp", "/tmp"],
            "async_dir": "~/.ansible_async",
            "admin_users": ["root", "toor"],
            "world_readable_temp": False,
            "common_remote_group": None,
            "environment": [{}],
        }

    def has_option(self, option):
        return option in self._options

    def get_option(self, option, hostvars=None):
        if option not in self._options:
            raise KeyError("Requested entry (plugin_type: shell plugin: sh setting: {} ) was not defined in "
                           "configuration.".format(option))
        return self._options[option]

    @staticmethod
    def _generate_temp_dir_name():
        return "ansible-tmp-{}-{}-{}".format(time.time(), os.getpid(), random.randint(0, 2**48))

    def quote(self, cmd):
        return shlex.quote(cmd)

    def env_prefix(self, **kwargs):
        return " ".join("{}={}".format(name, shlex.quote(str(value))) for name, value in kwargs.items())

    def join_path(self, *args):
        return os.path.join(*args)

    def split_path(self, path):
        return os.path.split(path)

    def get_remote_filename(self, pathname):
        name, ending = os.path.splitext(os.path.basename(pathname.strip()))
        return name + (ending if ending in (".ps1", ".exe", ".py") else ".py" if not ending else ending)

    def path_has_trailing_slash(self, path):
        return path.endswith("/")

    def _many(self, paths):
        return " ".join(shlex.quote(path) for path in ([paths] if isinstance(paths, str) else paths))

    def chmod(self, paths, mode):
        return "chmod {} {}".format(mode, self._many(paths))

    def chown(self, paths, user):
        return "chown {} {}".format(shlex.quote(user), self._many(paths))

    def chgrp(self, paths, group):
        return "chgrp {} {}".format(shlex.quote(group), self._many(paths))

    def set_user_facl(self, paths, user, mode):
        return "setfacl -m u:{}:{} {}".format(shlex.quote(user), mode, self._many(paths))

    def remove(self, path, recurse=False):
        return "rm -f {}{} {}".format("-r " if recurse else "", shlex.quote(path), self._SHELL_REDIRECT_ALLNULL)

    def exists(self, path):
        return "test -e {}".format(shlex.quote(path))

    def mkdtemp(self, basefile=None, system=False, mode=0o700, tmpdir=None):
        basefile = basefile or self._generate_temp_dir_name()
        folder = "{}/{}".format((tmpdir or self._options["remote_tmp"]).rstrip("/"), basefile)
        return "( umask 77 && mkdir -p {0} && echo {1}={0} )".format(folder, basefile)

    def _mkdtemp2(self, basefile=None, system=False, mode=0o700, tmpdir=None):
        return _Command(self.mkdtemp(basefile, system, mode, tmpdir))

    def expand_user(self, user_home_path, username=""):
        return "echo {}".format(user_home_path) if re.match(r"^~[\w.-]*$", user_home_path) else "echo {}".format(
            shlex.quote(user_home_path))

    def _expand_user2(self, user_home_path, username=""):
        return _Command(self.expand_user(user_home_path, username))

    def pwd(self):
        return "echo ~+" if self.SHELL_FAMILY != "sh" else "pwd"

    def build_module_command(self, env_string, shebang, cmd, arg_path=None):
        words = [env_string.strip(), shebang.replace("#!", "").strip() if shebang else "", cmd.strip() and shlex.quote(cmd)]
        return " ".join(word for word in [*words, arg_path] if word)

    def checksum(self, path, python_interp=None):
        return "sha1sum {} | cut -d' ' -f1".format(shlex.quote(path))

    def append_command(self, cmd, cmd_to_append):
        return "{} {} {}".format(cmd, self._SHELL_AND, cmd_to_append)

    def wrap_for_exec(self, cmd):
        return cmd
