"""Files, as plugins read them."""

from rplay_sidecar import wire as _wire
from rplay_sidecar.lookups import Files


class DataLoader(Files):
    """Reads files of the controller."""

    def __init__(self):
        super().__init__(_wire.CURRENT, None)
