"""Results and facts without what is not for people."""

import copy

module_response_deepcopy = copy.deepcopy


def strip_internal_keys(dirty, exceptions=()):
    if isinstance(dirty, dict):
        return {
            key: strip_internal_keys(value, exceptions)
            for key, value in dirty.items()
            if not (isinstance(key, str) and key.startswith("_ansible_")) or key in exceptions
        }
    if isinstance(dirty, list):
        return [strip_internal_keys(value, exceptions) for value in dirty]
    return dirty


def remove_internal_keys(data):
    for key in [key for key in data if key.startswith("_ansible_") and key != "_ansible_parsed"]:
        del data[key]


def namespace_facts(facts):
    return {key[len("ansible_"):] if key.startswith("ansible_") else key: value for key, value in facts.items()}
