"""Checksums."""

import hashlib


def secure_hash_s(data, hash_func=hashlib.sha1):
    return hash_func(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()


def secure_hash(filename, hash_func=hashlib.sha1):
    try:
        with open(filename, "rb") as file:
            return secure_hash_s(file.read(), hash_func)
    except (FileNotFoundError, IsADirectoryError):
        return None


checksum = secure_hash
checksum_s = secure_hash_s


def md5s(data):
    return secure_hash_s(data, hashlib.md5)


def md5(filename):
    return secure_hash(filename, hashlib.md5)
