"""Lets kolla-ansible's filters be imported where bcrypt is not installed; no call of `calls.yml` needs a real hash."""


def gensalt(rounds=12):
    return b"$2b$12$" + b"." * 22


def hashpw(password, salt):
    return salt + b"(" + password + b")"
