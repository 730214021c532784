"""Tests of the Python side: `python3 -m unittest discover -s src/python/sidecar/tests -t src/python/sidecar`.

The stand-ins come last on the path: where ansible-core and Jinja2 are installed, those are used, as in the sidecar.
"""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "standin"))
