"""Programs that modules run."""

import os
import re
import selectors
import shlex
import subprocess

from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text

PASSWD_ARG_RE = re.compile(r"^[-]{0,2}pass[-]?(word|wd)?")
# `user:secret@` of an address.
_CREDENTIALS = re.compile(r"((?:://|^|[\s=])[^:/@\s]*:)(?!//)([^@\s]+)(?=@)")


def heuristic_log_sanitize(data, no_log_values=None):
    """Text without what looks like a password in it."""
    text = _CREDENTIALS.sub(r"\1********", to_native(data))
    return remove_values(text, no_log_values) if no_log_values else text


class Programs:
    """Part of `AnsibleModule`."""

    def _clean_args(self, args):
        words = shlex.split(to_text(args)) if isinstance(args, (bytes, str)) else [to_native(arg) for arg in args]
        shown, secret_follows = [], False
        for word in words:
            if secret_follows:
                shown.append("********")
                secret_follows = False
            elif PASSWD_ARG_RE.match(word):
                name, equals, _ = word.partition("=")
                shown.append(name + "=********" if equals else heuristic_log_sanitize(word, self.no_log_values))
                secret_follows = not equals
            else:
                shown.append(heuristic_log_sanitize(word, self.no_log_values))
        return " ".join(shlex.quote(word) for word in shown)

    def run_command(self, args, check_rc=False, close_fds=True, executable=None, data=None, binary_data=False,
                    path_prefix=None, cwd=None, use_unsafe_shell=False, prompt_regex=None, environ_update=None,
                    umask=None, encoding="utf-8", errors="surrogate_or_strict", expand_user_and_vars=True,
                    pass_fds=None, before_communicate_callback=None, ignore_invalid_cwd=True, handle_exceptions=True):
        """Runs a program to its end: status, standard output, standard error."""
        if not isinstance(args, (list, bytes, str)):
            self.fail_json(rc=257, cmd=args, msg="Argument 'args' to run_command must be list or string")
        prompt = None
        if prompt_regex:
            try:
                prompt = re.compile(to_bytes(prompt_regex, errors="surrogateescape"), re.MULTILINE)
            except re.error:
                self.fail_json(msg="invalid prompt regular expression given to run_command")
        argv, shell = self._words(args, use_unsafe_shell, executable, expand_user_and_vars)
        environment = dict(os.environ)
        environment.update(self.run_command_environ_update or {})
        environment.update(environ_update or {})
        if path_prefix:
            environment["PATH"] = ":".join(filter(None, [path_prefix, environment.get("PATH")]))
        how = {
            "close_fds": close_fds,
            "env": environment,
            "executable": executable if not use_unsafe_shell or shell else None,
            "pass_fds": pass_fds or (),
            "preexec_fn": (lambda: os.umask(umask)) if umask else None,
            "shell": shell,
            "stderr": subprocess.PIPE,
            "stdin": subprocess.PIPE if data else None,
            "stdout": subprocess.PIPE,
        }
        if cwd:
            cwd = os.path.abspath(os.path.expanduser(to_native(cwd)))
            if os.path.isdir(cwd):
                how["cwd"] = cwd
            elif not ignore_invalid_cwd:
                self.fail_json(msg="Provided cwd is not a valid directory: {}".format(cwd))
        try:
            if self._debug:
                self.log("Executing: " + self._clean_args(args))
            process = subprocess.Popen(argv, **how)
            if before_communicate_callback:
                before_communicate_callback(process)
            if data and not binary_data:
                data = to_bytes(data) + b"\n"
            out, err, prompted = _talk(process, to_bytes(data) if data else None, None if data else prompt)
        except Exception as error:
            if not handle_exceptions:
                raise
            rc = error.errno if isinstance(error, OSError) else 257
            msg = "Error executing command: {}".format(to_native(error))
            self.fail_json(rc=rc, stdout="", stderr="", msg=msg, cmd=self._clean_args(args), exception=error)
        if prompted:
            text = "A prompt was encountered while running a command, but no input data was specified"
            return 257, to_native(out, encoding, errors) if encoding else out, text
        rc = process.returncode
        if encoding is not None:
            out, err = to_native(out, encoding, errors), to_native(err, encoding, errors)
        if rc != 0 and check_rc:
            msg = heuristic_log_sanitize(to_native(err).rstrip(), self.no_log_values)
            self.fail_json(cmd=self._clean_args(args), rc=rc, stdout=to_native(out), stderr=to_native(err), msg=msg)
        return rc, out, err

    def _words(self, args, through_shell, executable, expand):
        if through_shell:
            line = b" ".join(to_bytes(shlex.quote(to_native(word))) for word in args) if isinstance(args, list) else to_bytes(args)
            chosen = executable or (self._shell if self._shell not in (None, "/bin/sh") else None)
            return ([to_bytes(chosen), b"-c", line], False) if chosen else (line, True)
        words = args if isinstance(args, list) else shlex.split(to_text(args, errors="surrogateescape"))
        words = [to_native(word, errors="surrogateescape") for word in words if word is not None]
        if expand:
            words = [os.path.expanduser(os.path.expandvars(word)) for word in words]
        return [to_bytes(word) for word in words], False

    @staticmethod
    def get_buffer_size(fd):
        import fcntl

        try:
            # F_GETPIPE_SZ
            return fcntl.fcntl(fd, 1032)
        except OSError:
            return 9000

    def append_to_file(self, filename, str):
        with open(os.path.expandvars(os.path.expanduser(filename)), "a") as file:
            file.write(str)


def _talk(process, data, prompt):
    """Feeds a program and hears it, until it has ended: a daemon it leaves behind may keep its outputs open."""
    if data:
        try:
            process.stdin.write(data)
            process.stdin.close()
        except BrokenPipeError:
            pass
    heard = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as selector:
        for pipe in heard:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            events = selector.select(1)
            for key, _ in events:
                chunk = key.fileobj.read(32768)
                if chunk:
                    heard[key.fileobj] += chunk
                elif chunk is not None:
                    selector.unregister(key.fileobj)
            if prompt and prompt.search(heard[process.stdout]):
                process.kill()
                process.wait()
                return heard[process.stdout], heard[process.stderr], True
            if not events and process.poll() is not None:
                break
    process.wait()
    for pipe in heard:
        pipe.close()
    return heard[process.stdout], heard[process.stderr], False
