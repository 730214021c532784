"""Owners, permissions and contexts of files, and replacing files as a whole."""

import errno
import grp
import os
import pwd
import re
import shutil
import stat
import tempfile
import time

from ansible.module_utils.common.file import PERMS_RE, USERS_RE, S_IRWU_RWG_RWO, format_attributes
from ansible.module_utils.common.parameters import env_fallback
from ansible.module_utils.common.text.converters import to_native

try:
    from ansible.module_utils.compat import selinux

    HAVE_SELINUX = True
except ImportError:
    HAVE_SELINUX = False

FILE_COMMON_ARGUMENTS = {
    "attributes": {"type": "str", "aliases": ["attr"]},
    "group": {"type": "str"},
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "selevel": {"type": "str"},
    "serole": {"type": "str"},
    "setype": {"type": "str"},
    "seuser": {"type": "str"},
    "unsafe_writes": {"type": "bool", "default": False, "fallback": (env_fallback, ["ANSIBLE_UNSAFE_WRITES"])},
}

_BITS = {"u": (6, stat.S_ISUID), "g": (3, stat.S_ISGID), "o": (0, stat.S_ISVTX)}


def _expanded(path, expand=True):
    path = to_native(path)
    return os.path.expanduser(os.path.expandvars(path)) if expand else path


def _note(diff, key, before, after):
    if diff is not None:
        diff.setdefault("before", {})[key] = before
        diff.setdefault("after", {})[key] = after


class FileAttributes:
    """Part of `AnsibleModule`."""

    _selinux_enabled = None
    _selinux_mls_enabled = None

    def load_file_common_arguments(self, params, path=None):
        if path is None:
            path = params.get("path", params.get("dest"))
        if path is None:
            return {}
        path = _expanded(path)
        if params.get("follow") and os.path.islink(path):
            path = os.path.realpath(path)
        context = [params.get(name) for name in ("seuser", "serole", "setype")]
        if self.selinux_mls_enabled():
            context.append(params.get("selevel"))
        default = self.selinux_default_context(path)
        for at, part in enumerate(default):
            if context[at] == "_default":
                context[at] = part
        found = dict((name, params.get(name)) for name in ("mode", "owner", "group", "seuser", "serole", "setype", "selevel", "attributes"))
        found.update(path=path, secontext=context)
        return found

    # SELinux

    def selinux_mls_enabled(self):
        if self._selinux_mls_enabled is None:
            self._selinux_mls_enabled = HAVE_SELINUX and selinux.is_selinux_mls_enabled() == 1
        return self._selinux_mls_enabled

    def selinux_enabled(self):
        if self._selinux_enabled is None:
            self._selinux_enabled = HAVE_SELINUX and selinux.is_selinux_enabled() == 1
        return self._selinux_enabled

    def selinux_initial_context(self):
        return [None] * (4 if self.selinux_mls_enabled() else 3)

    def _selinux_parts(self, ask):
        context = self.selinux_initial_context()
        if not self.selinux_enabled():
            return context
        rc, text = ask()[:2]
        return context if rc == -1 else text.split(":", 3)

    def selinux_default_context(self, path, mode=0):
        try:
            return self._selinux_parts(lambda: selinux.matchpathcon(to_native(path), mode))
        except OSError:
            return self.selinux_initial_context()

    def selinux_context(self, path):
        try:
            return self._selinux_parts(lambda: selinux.lgetfilecon_raw(to_native(path)))
        except OSError as error:
            if error.errno == errno.ENODATA:
                return self.selinux_initial_context()
            self.fail_json(path=path, msg="Failed to retrieve selinux context.", exception=error)

    def find_mount_point(self, path):
        path = os.path.realpath(_expanded(path))
        while not os.path.ismount(path):
            path = os.path.dirname(path)
        return path

    def is_special_selinux_path(self, path):
        try:
            with open("/proc/mounts") as mounts:
                lines = [line.split(" ") for line in mounts]
        except OSError:
            return False, None
        point = self.find_mount_point(path)
        for _, mounted, kind in (line[:3] for line in lines):
            if mounted == point and any(special in kind for special in self._selinux_special_fs):
                return True, self.selinux_context(point)
        return False, None

    def set_default_selinux_context(self, path, changed):
        if not self.selinux_enabled():
            return changed
        return self.set_context_if_different(path, self.selinux_default_context(path), False)

    def set_context_if_different(self, path, context, changed, diff=None):
        if not self.selinux_enabled():
            return changed
        if self.check_file_absent_if_check_mode(path):
            return True
        now = self.selinux_context(path)
        special, wanted = self.is_special_selinux_path(path)
        if not special:
            wanted = [given or old for given, old in zip(list(context) + [None] * len(now), now)]
        if now == wanted:
            return changed
        _note(diff, "secontext", now, wanted)
        if self.check_mode:
            return True
        try:
            rc = selinux.lsetfilecon(to_native(path), ":".join(wanted))
        except OSError as error:
            msg = "invalid selinux context: {}".format(error)
            self.fail_json(path=path, msg=msg, new_context=wanted, cur_context=now, input_was=context)
        if rc != 0:
            self.fail_json(path=path, msg="set selinux context failed")
        return True

    # Owner, group, mode

    def check_file_absent_if_check_mode(self, file_path):
        return self.check_mode and not os.path.exists(file_path)

    def user_and_group(self, path, expand=True):
        found = os.lstat(_expanded(path, expand))
        return found.st_uid, found.st_gid

    def set_owner_if_different(self, path, owner, changed, diff=None, expand=True):
        look_up = lambda name: pwd.getpwnam(name).pw_uid  # noqa: E731
        return self._set_id(path, owner, changed, diff, expand, 0, "owner", "chown", "user", look_up)

    def set_group_if_different(self, path, group, changed, diff=None, expand=True):
        look_up = lambda name: grp.getgrnam(name).gr_gid  # noqa: E731
        return self._set_id(path, group, changed, diff, expand, 1, "group", "chgrp", "group", look_up)

    def _set_id(self, path, wanted, changed, diff, expand, at, key, action, what, look_up):
        if wanted is None:
            return changed
        path = _expanded(path, expand)
        if self.check_file_absent_if_check_mode(path):
            return True
        now = self.user_and_group(path, expand)[at]
        try:
            number = int(wanted)
        except ValueError:
            try:
                number = look_up(wanted)
            except KeyError:
                self.fail_json(path=path, msg="{} failed: failed to look up {} {}".format(action, what, wanted))
        if now == number:
            return changed
        _note(diff, key, now, number)
        if self.check_mode:
            return True
        try:
            os.lchown(path, *((number, -1) if at == 0 else (-1, number)))
        except OSError as error:
            self.fail_json(path=path, msg="{} failed: {}".format(action, error), exception=error)
        return True

    def set_mode_if_different(self, path, mode, changed, diff=None, expand=True):
        if mode is None:
            return changed
        path = _expanded(path, expand)
        if self.check_file_absent_if_check_mode(path):
            return True
        found = os.lstat(path)
        if not isinstance(mode, int):
            try:
                mode = int(mode, 8)
            except (TypeError, ValueError):
                try:
                    mode = self._symbolic_mode_to_octal(found, mode)
                except Exception as error:
                    self.fail_json(path=path, msg="mode must be in octal or symbolic form", details=to_native(error))
                if mode != stat.S_IMODE(mode):
                    self.fail_json(path=path, msg="Invalid mode supplied, only permission info is allowed", details=mode)
        now = stat.S_IMODE(found.st_mode)
        if now == mode:
            return changed
        _note(diff, "mode", "0{:03o}".format(now), "0{:03o}".format(mode))
        if self.check_mode:
            return True
        # A link has no mode of its own, and what it points to is not what was asked for.
        if not os.path.islink(path):
            try:
                os.chmod(path, mode)
            except OSError as error:
                self.fail_json(path=path, msg="chmod failed", details=to_native(error))
        return changed or stat.S_IMODE(os.lstat(path).st_mode) != now

    @classmethod
    def _symbolic_mode_to_octal(cls, path_stat, symbolic_mode):
        """`u+rwX,go=` applied to the mode a file has."""
        mode = stat.S_IMODE(path_stat.st_mode)
        umask = os.umask(0)
        os.umask(umask)
        for clause in symbolic_mode.split(","):
            parts = re.split(r"([+=-])", clause)
            users = "ugo" if parts[0] in ("", "a") else parts[0]
            if len(parts) < 3 or not USERS_RE.match(users):
                raise ValueError("bad symbolic permission for mode: {}".format(clause))
            for operator, letters in zip(parts[1::2], parts[2::2]):
                if not PERMS_RE.match(letters):
                    raise ValueError("bad symbolic permission for mode: {}".format(clause))
                for user in users:
                    shift, special = _BITS[user]
                    bits = cls._bits(letters, user, mode, stat.S_ISDIR(path_stat.st_mode))
                    if parts[0] == "":
                        bits &= ~umask
                    if operator == "+":
                        mode |= bits
                    elif operator == "-":
                        mode &= ~bits
                    else:
                        mode = mode & ~(0o7 << shift | special) | bits
        return mode

    @staticmethod
    def _bits(letters, user, mode, is_folder):
        shift, special = _BITS[user]
        bits = 0
        for letter in letters:
            if letter in "ugo":
                bits |= (mode >> _BITS[letter][0] & 0o7) << shift
            elif letter == "s":
                bits |= special if user != "o" else 0
            elif letter == "t":
                bits |= special if user == "o" else 0
            elif letter != "X" or is_folder or mode & 0o111:
                bits |= {"r": 4, "w": 2, "x": 1, "X": 1}[letter] << shift
        return bits

    # chattr

    def get_file_attributes(self, path, include_version=True):
        program = self.get_bin_path("lsattr", False)
        if not program:
            return {}
        rc, out, _ = self.run_command([program, "-vd" if include_version else "-d", to_native(path)])
        words = out.split()
        if rc != 0 or len(words) <= include_version:
            return {}
        flags = words[1 if include_version else 0].replace("-", "").strip()
        found = {"attr_flags": flags, "attributes": format_attributes(flags)}
        if include_version:
            found["version"] = words[0]
        return found

    def set_attributes_if_different(self, path, attributes, changed, diff=None, expand=True):
        if attributes is None:
            return changed
        path = _expanded(path, expand)
        if self.check_file_absent_if_check_mode(path):
            return True
        now = self.get_file_attributes(path, include_version=False).get("attr_flags")
        operator = "="
        if attributes[:1] in ("-", "+"):
            operator, attributes = attributes[0], attributes[1:]
        program = self.get_bin_path("chattr")
        if not attributes or not program or ((now or "") == attributes and operator != "-"):
            return changed
        _note(diff, "attributes", now, operator + attributes)
        if not self.check_mode:
            rc, out, err = self.run_command([program, operator + attributes, path])
            if rc != 0 or err:
                details = "Error while setting attributes: {}".format(out + err)
                self.fail_json(path=path, msg="chattr failed", details=details)
        return True

    def set_fs_attributes_if_different(self, file_args, changed, diff=None, expand=True):
        path = file_args["path"]
        changed = self.set_context_if_different(path, file_args["secontext"], changed, diff)
        changed = self.set_owner_if_different(path, file_args["owner"], changed, diff, expand)
        changed = self.set_group_if_different(path, file_args["group"], changed, diff, expand)
        changed = self.set_mode_if_different(path, file_args["mode"], changed, diff, expand)
        return self.set_attributes_if_different(path, file_args["attributes"], changed, diff, expand)

    set_file_attributes_if_different = set_directory_attributes_if_different = set_fs_attributes_if_different

    def add_path_info(self, kwargs):
        path = kwargs.get("path", kwargs.get("dest"))
        if path is None or not os.path.exists(to_native(path)):
            return kwargs
        found = os.lstat(to_native(path))
        try:
            owner = pwd.getpwuid(found.st_uid)[0]
        except KeyError:
            owner = str(found.st_uid)
        try:
            group = grp.getgrgid(found.st_gid)[0]
        except KeyError:
            group = str(found.st_gid)
        if os.path.islink(path):
            state = "link"
        elif os.path.isdir(path):
            state = "directory"
        else:
            state = "hard" if os.stat(path).st_nlink > 1 else "file"
        mode = "0{:03o}".format(stat.S_IMODE(found.st_mode))
        kwargs.update(uid=found.st_uid, gid=found.st_gid, owner=owner, group=group, mode=mode, state=state, size=found.st_size)
        if self.selinux_enabled():
            kwargs["secontext"] = ":".join(self.selinux_context(path))
        return kwargs

    # Replacing

    def backup_local(self, fn):
        if not os.path.exists(fn):
            return ""
        backup = "{}.{}.{}".format(fn, os.getpid(), time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime()))
        if not self.check_mode:
            try:
                self.preserved_copy(fn, backup)
            except OSError as error:
                raise Exception("Could not make backup of {!r} to {!r}.".format(fn, backup)) from error
        return backup

    def preserved_copy(self, src, dest):
        shutil.copy2(src, dest)
        if self.selinux_enabled():
            self.set_context_if_different(dest, self.selinux_context(src), False)
        try:
            found = os.stat(src)
            os.chown(dest, found.st_uid, found.st_gid)
        except PermissionError:
            pass
        flags = self.get_file_attributes(src, include_version=False).get("attr_flags", "")
        self.set_attributes_if_different(dest, flags, True)

    def atomic_move(self, src, dest, unsafe_writes=False, keep_dest_attrs=True):
        """Puts a file in another one's place in one step, with that one's owner and permissions."""
        src, dest = to_native(src), to_native(dest)
        creating = not os.path.exists(dest)
        context = None
        if not creating and keep_dest_attrs:
            try:
                found = os.stat(dest)
                os.chown(src, found.st_uid, found.st_gid)
                shutil.copystat(dest, src)
                os.utime(src, times=(time.time(), time.time()))
            except PermissionError:
                pass
            if self.selinux_enabled():
                context = self.selinux_context(dest)
        elif self.selinux_enabled():
            context = self.selinux_default_context(dest)
        try:
            os.rename(src, dest)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EXDEV, errno.EACCES, errno.ETXTBSY, errno.EBUSY):
                raise Exception("Could not replace {!r} with {!r}.".format(dest, src)) from error
            self._move_from_afar(src, dest, unsafe_writes, keep_dest_attrs)
        if creating:
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(dest, S_IRWU_RWG_RWO & ~umask)
            folder = os.stat(os.path.dirname(dest) or ".")
            try:
                os.chown(dest, os.geteuid(), folder.st_gid if folder.st_mode & stat.S_ISGID else os.getegid())
            except OSError:
                pass
        if self.selinux_enabled():
            self.set_context_if_different(dest, context, False)

    def _move_from_afar(self, src, dest, unsafe_writes, keep_dest_attrs):
        """Copies beside the destination first: the source is on another file system."""
        folder = os.path.dirname(dest)
        try:
            handle, near = tempfile.mkstemp(prefix=".ansible_tmp", dir=folder or None, suffix=os.path.basename(dest))
        except OSError as error:
            if unsafe_writes:
                return self._unsafe_writes(src, dest)
            raise Exception("The destination directory {!r} is not writable by the current user.".format(folder)) from error
        os.close(handle)
        try:
            (shutil.copy if keep_dest_attrs else shutil.copy2)(src, near)
            if keep_dest_attrs and os.path.exists(dest):
                found = os.stat(dest)
                try:
                    os.chown(near, found.st_uid, found.st_gid)
                except PermissionError:
                    pass
            try:
                os.rename(near, dest)
            except OSError as error:
                if not (unsafe_writes and error.errno == errno.EBUSY):
                    raise
                self._unsafe_writes(near, dest)
            self.cleanup(src)
        except OSError as error:
            if not unsafe_writes:
                raise Exception("Failed to replace {!r} with {!r}.".format(dest, src)) from error
            self._unsafe_writes(src, dest)
        finally:
            self.cleanup(near)

    def _unsafe_writes(self, src, dest):
        try:
            with open(dest, "wb") as out, open(src, "rb") as given:
                shutil.copyfileobj(given, out)
        except OSError as error:
            raise Exception("Could not write data to file {!r} from {!r}.".format(dest, src)) from error
