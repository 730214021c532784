"""A task's result as callbacks see it."""

from rplay_sidecar.results import CallbackTaskResult

TaskResult = CallbackTaskResult

__all__ = ["CallbackTaskResult", "TaskResult"]
