"""A controller to talk to: it answers from a table of functions."""

from rplay_sidecar import values


class Controller:
    """Stands where `rplay_sidecar.wire.Wire` stands, and remembers what it was asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.codec = values.Codec(self)

    def ask(self, op, **fields):
        self.asked.append((op, fields))
        answer = self.answers[op]
        return answer(**fields) if callable(answer) else answer

    def notice(self, level, text):
        self.asked.append((level, text))
