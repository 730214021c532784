"""Caches: what plugins keep is in ansible-core's own envelope, so that either program reads what the other wrote."""

import datetime
import json

from rplay_sidecar import inventories, values

_PAYLOAD = "__payload__"
_PREFIX = "s1_"
_TYPE = "__ansible_type"
_TIMES = {
    "AnsibleSerializableDate": datetime.date.fromisoformat,
    "AnsibleSerializableTime": datetime.time.fromisoformat,
    "AnsibleSerializableDateTime": datetime.datetime.fromisoformat,
}


class Kept:
    """A cache plugin whose values are wrapped."""

    def __init__(self, plugin):
        self.__dict__["_kept"] = plugin

    def get(self, key):
        return unwrapped(self._kept.get(_PREFIX + key))

    def set(self, key, value):
        self._kept.set(_PREFIX + key, wrapped(value))

    def keys(self):
        return [key[len(_PREFIX):] for key in self._kept.keys() if key.startswith(_PREFIX)]

    def contains(self, key):
        return self._kept.contains(_PREFIX + str(key))

    def delete(self, key):
        self._kept.delete(_PREFIX + key)

    def __getattr__(self, name):
        return getattr(self._kept, name)

    def __setattr__(self, name, value):
        setattr(self._kept, name, value)


def wrapped(value):
    return {_PAYLOAD: json.dumps(tagged(value))}


def unwrapped(value):
    return untagged(json.loads(value[_PAYLOAD]))


def tagged(value):
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key): tagged(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tagged(item) for item in value]
    if isinstance(value, str) and values.is_trusted(value):
        return {"value": str.__str__(value), "tags": [{_TYPE: "TrustedAsTemplate"}], _TYPE: "_AnsibleTaggedStr"}
    if isinstance(value, datetime.datetime):
        return {"iso8601": value.isoformat(), "fold": value.fold, _TYPE: "AnsibleSerializableDateTime"}
    if isinstance(value, datetime.date):
        return {"iso8601": value.isoformat(), _TYPE: "AnsibleSerializableDate"}
    if isinstance(value, datetime.time):
        return {"iso8601": value.isoformat(), "fold": value.fold, _TYPE: "AnsibleSerializableTime"}
    return value


def untagged(value):
    if isinstance(value, list):
        return [untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_TYPE)
    if kind is None:
        return {key: untagged(item) for key, item in value.items()}
    if kind in _TIMES:
        return _TIMES[kind](value["iso8601"])
    if kind == "EncryptedString":
        return value["ciphertext"]
    if kind.startswith("_AnsibleTagged"):
        found = untagged(value["value"])
        trusted = any(tag.get(_TYPE) == "TrustedAsTemplate" for tag in value.get("tags") or [])
        return values.Trusted(found) if trusted and isinstance(found, str) else found
    raise ValueError("a cache holds a {}, which is not known".format(kind))


class Office:
    """Answers what the engine asks of the cache of facts: what it sends is wrapped already."""

    def __init__(self, worker):
        self.worker = worker
        self.plugin = None

    def do_cache(self, message):
        if self.plugin is None:
            found = message["plugin"]
            module = self.worker.plugins.module("cache", found["file"], found["collection"])
            self.plugin = inventories.new(self.worker.wire, module.CacheModule, found, "cache")
        key = message.get("key")
        # Some plugins want values as they are: what they write needs no wrapping.
        plain = not getattr(self.plugin, "_persistent", True)
        if key and plain:
            key = key[len(_PREFIX):]
        value = None
        if message["what"] == "get":
            try:
                value = self.plugin.get(key) if self.plugin.contains(key) else None
            except KeyError:
                value = None
            if value is not None:
                value = json.dumps(wrapped(value) if plain else value)
        elif message["what"] == "set":
            value = json.loads(message["value"])
            self.plugin.set(key, unwrapped(value) if plain else value)
            value = None
        elif message["what"] == "delete":
            try:
                self.plugin.delete(key)
            except KeyError:
                pass
        return {"op": "done", "value": value}
