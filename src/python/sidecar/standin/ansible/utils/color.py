"""Colours: rplay decides about them, so text stays as it is."""

ANSIBLE_COLOR = False


def stringc(text, color, wrap_nonvisible_chars=False):
    return str(text)


def colorize(lead, num, color):
    return "{}={:<4}".format(lead, num)


def hostcolor(host, stats, color=True):
    return "{:<26}".format(host)


def parsecolor(color):
    return ""
