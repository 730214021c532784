"""What plugins tell the user goes to rplay's own output."""

from rplay_sidecar import wire as _wire


class Display:
    """Messages by level; there is one, whoever makes it."""

    verbosity = 0
    columns = 79
    color = None

    def __init__(self, verbosity=0):
        pass

    def _tell(self, level, text, **how):
        if _wire.CURRENT is not None:
            _wire.CURRENT.notice(level, text, **how)

    def display(self, msg, color=None, stderr=False, screen_only=False, log_only=False, newline=True, **_):
        if not log_only:
            self._tell("info", msg, color=color, stderr=bool(stderr), newline=bool(newline))

    def warning(self, msg, formatted=False, **_):
        self._tell("warning", msg)

    def system_warning(self, msg):
        self._tell("warning", msg)

    def deprecated(self, msg, version=None, removed=False, date=None, collection_name=None, **_):
        if removed:
            from ansible.errors import AnsibleError

            raise AnsibleError("[DEPRECATED]: {}".format(msg))
        text = str(msg)
        if version:
            text += " This feature will be removed in version {}.".format(version)
        elif date:
            text += " This feature will be removed in a release after {}.".format(date)
        self._tell("deprecated", text)

    def error(self, msg, wrap_text=True, **_):
        self._tell("error", msg)

    def error_as_warning(self, msg, exception=None, **_):
        self._tell("warning", "{} {}".format(msg or "", exception or "").strip())

    def banner(self, msg, color=None, cows=True):
        msg = str(msg).strip()
        self.display("\n{} {}".format(msg, "*" * max(self.columns - len(msg), 3)), color=color)

    def verbose(self, msg, host=None, caplevel=2):
        self._tell("v" * (caplevel + 1), msg)

    def v(self, msg, host=None):
        self.verbose(msg, host, 0)

    def vv(self, msg, host=None):
        self.verbose(msg, host, 1)

    def vvv(self, msg, host=None):
        self.verbose(msg, host, 2)

    def vvvv(self, msg, host=None):
        self.verbose(msg, host, 3)

    def vvvvv(self, msg, host=None):
        self.verbose(msg, host, 4)

    vvvvvv = vvvvv

    def debug(self, msg, host=None):
        self._tell("debug", msg)
