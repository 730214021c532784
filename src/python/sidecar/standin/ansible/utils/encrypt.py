"""Passwords."""

import secrets
import string

from rplay_sidecar.context import Environment
from rplay_sidecar import wire as _wire

DEFAULT_PASSWORD_LENGTH = 20


def random_password(length=DEFAULT_PASSWORD_LENGTH, chars=string.ascii_letters + string.digits + ".,:-_", seed=None):
    if seed is not None:
        import random

        return "".join(random.Random(seed).choice(chars) for _ in range(length))
    return "".join(secrets.choice(chars) for _ in range(length))


def random_salt(length=8):
    return random_password(length, string.ascii_letters + string.digits + "./")


def do_encrypt(result, encrypt, salt_size=None, salt=None, ident=None, rounds=None):
    options = {"salt": salt, "salt_size": salt_size, "rounds": rounds, "ident": ident}
    given = {name: value for name, value in options.items() if value is not None}
    return Environment(_wire.CURRENT, None).call_filter("password_hash", result, [encrypt], given)
