"""The release that rplay follows."""

__version__ = "2.19.14"
__author__ = "Ansible, Inc."
__codename__ = ""
