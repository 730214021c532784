"""Lets the kolla_ansible package be imported where pbr is not installed."""
