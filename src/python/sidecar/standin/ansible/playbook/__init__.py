"""What a playbook is made of, as callbacks see it."""

from rplay_sidecar.results import Playbook  # noqa: F401
