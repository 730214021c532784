"""The functions of libselinux that modules use; importing this fails where it is not installed."""

import ctypes
import os

try:
    _lib = ctypes.CDLL("libselinux.so.1", use_errno=True)
except OSError:
    raise ImportError("unable to load libselinux.so") from None


def _checked(rc):
    if rc < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return rc


def _path(path):
    return os.fsencode(path)


def _context(call, *args):
    found = ctypes.c_char_p()
    rc = _checked(call(*(args + (ctypes.byref(found),))))
    text = found.value
    _lib.freecon(found)
    return [rc, None if text is None else text.decode("utf-8")]


def is_selinux_enabled():
    return _lib.is_selinux_enabled()


def is_selinux_mls_enabled():
    return _lib.is_selinux_mls_enabled()


def security_policyvers():
    return _lib.security_policyvers()


def security_getenforce():
    return _lib.security_getenforce()


def selinux_getenforcemode():
    mode = ctypes.c_int()
    return [_checked(_lib.selinux_getenforcemode(ctypes.byref(mode))), mode.value]


def selinux_getpolicytype():
    return _context(_lib.selinux_getpolicytype)


def lgetfilecon_raw(path):
    return _context(_lib.lgetfilecon_raw, _path(path))


def matchpathcon(path, mode):
    return _context(_lib.matchpathcon, _path(path), ctypes.c_uint(mode))


def lsetfilecon(path, context):
    return _checked(_lib.lsetfilecon(_path(path), os.fsencode(context)))
