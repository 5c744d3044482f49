"""The part of YAML 1.2 (core schema) that the studies are written in: block maps and lists by
indentation, flow maps and lists, comments, plain and quoted scalars. No anchors, no multi-line text.
Numbers come back as fractions.Fraction, so that nothing is rounded on the way.
"""
import re
from fractions import Fraction


def scalar(text):
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text == "null":
        return None
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", text):
        return Fraction(text)
    return text


def uncomment(line):
    quote = None
    for i, ch in enumerate(line):
        if quote:
            quote = None if ch == quote else quote
        elif ch in "\"'":
            quote = ch
        elif ch == "#" and (i == 0 or line[i - 1] in " \t"):
            return line[:i]
    return line


class Flow:
    def __init__(self, text):
        self.text, self.i = text, 0

    def blank(self):
        while self.i < len(self.text) and self.text[self.i] in " \n":
            self.i += 1

    def value(self):
        self.blank()
        ch = self.text[self.i]
        if ch == "[":
            return self.items("]")
        if ch == "{":
            return self.pairs()
        return scalar(self.token())

    def token(self):
        self.blank()
        start = self.i
        if self.text[start] in "\"'":
            self.i = self.text.index(self.text[start], start + 1) + 1
            return self.text[start:self.i]
        while self.i < len(self.text) and self.text[self.i] not in ",]}" and not (
                self.text[self.i] == ":" and self.text[self.i + 1:self.i + 2] in (" ", "")):
            self.i += 1
        return self.text[start:self.i].strip()

    def items(self, close):
        self.i += 1
        out = []
        while True:
            self.blank()
            if self.text[self.i] == close:
                self.i += 1
                return out
            out.append(self.value())
            self.blank()
            if self.text[self.i] == ",":
                self.i += 1

    def pairs(self):
        self.i += 1
        out = {}
        while True:
            self.blank()
            if self.text[self.i] == "}":
                self.i += 1
                return out
            key = self.token().strip("\"'")
            self.blank()
            assert self.text[self.i] == ":", self.text[self.i:]
            self.i += 1
            out[key] = self.value()
            self.blank()
            if self.text[self.i] == ",":
                self.i += 1


def load(text):
    lines = [uncomment(l).rstrip() for l in text.split("\n")]
    lines = [(len(l) - len(l.lstrip()), l.strip()) for l in lines if l.strip()]
    value, rest = block(lines, 0, lines[0][0])
    assert rest == len(lines), lines[rest]
    return value


def inline(lines, i, text, indent):
    """The value that begins with text on line i; a flow value may go on over further lines."""
    if text[0] in "[{":
        while text.count("[") + text.count("{") > text.count("]") + text.count("}"):
            i += 1
            text += " " + lines[i][1]
        return Flow(text).value(), i + 1
    return scalar(text), i + 1


def block(lines, i, indent):
    if lines[i][1].startswith("- ") or lines[i][1] == "-":
        out = []
        while i < len(lines) and lines[i][0] == indent and lines[i][1].startswith("-"):
            rest = lines[i][1][1:].lstrip()
            if rest[0] not in "[{\"'" and re.match(r"[^\s]+:( |$)", rest):  # a map that begins beside its dash
                inner = indent + lines[i][1].index(rest)
                lines[i] = (inner, rest)
                value, i = block(lines, i, inner)
            else:
                value, i = inline(lines, i, rest, indent)
            out.append(value)
        return out, i
    out = {}
    while i < len(lines) and lines[i][0] == indent:
        m = re.match(r"(\"[^\"]*\"|'[^']*'|[^\s].*?):(?: +(.*))?$", lines[i][1])
        key, rest = m.group(1).strip("\"'"), m.group(2)
        assert key not in out, f"duplicate key {key}"
        if rest:
            out[key], i = inline(lines, i, rest, indent)
        elif i + 1 < len(lines) and (lines[i + 1][0] > indent or lines[i + 1][1].startswith("- ")):
            out[key], i = block(lines, i + 1, lines[i + 1][0])
        else:
            raise ValueError(f"no value for {key}")
    return out, i
