"""The controller's Python process: runs filter, test and lookup plugins for rplay.

`wire` is how both sides talk, `values` what travels, `plugins` finds plugins in files, `context` and `lookups` are what
plugins see of the run. Start reading at `main`.
"""
