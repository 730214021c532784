"""The types of values read from YAML: plain ones."""


class AnsibleBaseYAMLObject:
    """Had a place once."""

    ansible_pos = (None, 0, 0)


AnsibleMapping = dict
AnsibleUnicode = str
AnsibleSequence = list


class AnsibleVaultEncryptedUnicode(str):
    """An encrypted value; plugins are given what is inside."""
