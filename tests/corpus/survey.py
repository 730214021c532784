#!/usr/bin/env python3
"""Collect every Jinja text of repositories and say which compile under ansible-core's own Jinja2.

    survey.py [-o SURVEY.jsonl] NAME=FOLDER...

Run it with the Python of the reference ansible-core (2.19): its template engine compiles each text, with the `do` and
`loopcontrols` extensions, and with every filter and test taken for known. One JSON object a line and distinct text:

    repo   NAME
    file   path below FOLDER, and `line` there, of the first place that holds the text
    count  how many places of the repository hold it
    kind   template   text in YAML that holds a delimiter (backslashes in `{{ }}` are literal)
           condition  when, until, failed_when, changed_when, that: a bare expression
           expression var of debug: a bare expression with literal backslashes
           file       a template file: *.j2, or named by `template: src=`
    text   what is compiled
    ok     whether it compiles; if not, `error` and `error_line` are Jinja2's

`cargo test -p rplay-template --test corpus` compiles the same with ours and compares (RPLAY_CORPUS=SURVEY.jsonl).
"""
import argparse
import json
import pathlib
import sys

import yaml
from ansible._internal._templating import _jinja_bits
from ansible._internal._templating._engine import TemplateEngine
from ansible._internal._templating._jinja_bits import TemplateOverrides, _TemplateCompileContext, is_possibly_all_template
from ansible.parsing.dataloader import DataLoader
from jinja2 import TemplateSyntaxError

CONDITIONS = {"when", "until", "failed_when", "changed_when", "that", "only_if", "unless"}
TEMPLATE_ACTIONS = {"template", "ansible.builtin.template", "win_template", "ansible.windows.win_template"}
DELIMITERS = ("{{", "{%", "{#")
SKIPPED_FOLDERS = {".git", ".tox", "node_modules"}
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Everything:
    """Filters or tests, as if each name were there."""

    def __init__(self, known):
        self.known = known

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return self.known[name]

    def get(self, name, default=None):
        try:
            return self.known[name]
        except Exception:
            return default or (lambda value, *args, **kwargs: value)


class Survey:
    def __init__(self, repo, root):
        self.repo, self.root = repo, root
        self.found = {}
        self.named = set()
        self.unreadable = 0

    def add(self, kind, text, path, line):
        entry = self.found.get((kind, text))
        if entry:
            entry["count"] += 1
        else:
            self.found[kind, text] = {"repo": self.repo, "file": str(path.relative_to(self.root)), "line": line, "count": 1, "kind": kind, "text": text}

    def run(self):
        files = sorted(path for path in self.root.rglob("*") if path.is_file() and not SKIPPED_FOLDERS & set(path.relative_to(self.root).parts))
        for path in files:
            if path.suffix in (".yml", ".yaml"):
                self.yaml(path)
        for path in files:
            # Inventories that are templates end in .j2 too, or are named by a template task.
            if path.suffix == ".j2" or ".j2." in path.name or path.resolve() in self.named:
                try:
                    self.add("file", path.read_bytes().decode(), path, 1)
                except UnicodeDecodeError:
                    self.unreadable += 1

    def yaml(self, path):
        try:
            text = path.read_bytes().decode()
            documents = list(yaml.compose_all(text, Loader=Loader))
        except (UnicodeDecodeError, yaml.YAMLError, ValueError):
            self.unreadable += 1
            return
        for document in documents:
            if document is not None:
                self.node(document, path, set())

    def node(self, node, path, seen):
        if id(node) in seen:  # an alias
            return
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            self.scalar(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.node(item, path, seen)
        else:
            for key, value in node.value:
                self.node(key, path, seen)
                name = key.value if isinstance(key, yaml.ScalarNode) else None
                if name in CONDITIONS:
                    self.condition(value, path, seen)
                    continue
                if name in ("debug", "ansible.builtin.debug"):
                    self.debug(value, path)
                if name in TEMPLATE_ACTIONS:
                    self.template(value, path)
                self.node(value, path, seen)

    def condition(self, node, path, seen):
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.condition(item, path, seen)
        elif isinstance(node, yaml.ScalarNode):
            text = node.value.strip()
            if not text or node.tag != "tag:yaml.org,2002:str":
                return
            if is_possibly_all_template(text):
                self.scalar(node, path)
            else:
                self.add("condition", text, path, node.start_mark.line + 1)
        else:
            self.node(node, path, seen)

    def debug(self, node, path):
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if getattr(key, "value", None) == "var" and isinstance(value, yaml.ScalarNode):
                    self.add("expression", value.value, path, value.start_mark.line + 1)

    def template(self, node, path):
        src = None
        if isinstance(node, yaml.MappingNode):
            src = next((value.value for key, value in node.value if getattr(key, "value", None) == "src"), None)
        elif isinstance(node, yaml.ScalarNode):
            src = next((word[4:].strip("'\"") for word in node.value.split() if word.startswith("src=")), None)
        if isinstance(src, str) and "{{" not in src:
            for folder in [path.parent, *path.parents]:
                for below in ("templates", "."):
                    candidate = folder / below / src
                    if candidate.is_file():
                        self.named.add(candidate.resolve())
                        return
                if folder == self.root:
                    return

    def scalar(self, node, path):
        if node.tag in ("!unsafe", "!vault", "!vault-encrypted"):
            return
        if any(delimiter in node.value for delimiter in DELIMITERS):
            self.add("template", node.value, path, node.start_mark.line + 1)


def compiled(engine, kind, text):
    """None, or Jinja2's message and line."""
    try:
        if kind in ("condition", "expression"):
            with _TemplateCompileContext(escape_backslashes=kind == "expression"):
                engine.environment.compile_expression(text, False)
        else:
            with _TemplateCompileContext(escape_backslashes=kind == "template"):
                stripped, env = engine._create_overlay(text, TemplateOverrides.DEFAULT)
                env.from_string(stripped)
    except TemplateSyntaxError as error:
        return error.message, error.lineno
    except SyntaxError as error:  # of the Python code that Jinja2 writes: it has lines of its own
        return error.msg, None
    except Exception as error:
        cause = error.__cause__ or error
        return str(cause), None
    return None


def main():
    parser = argparse.ArgumentParser(usage="survey.py [-o SURVEY.jsonl] NAME=FOLDER...")
    parser.add_argument("-o", "--out", type=argparse.FileType("w"), default=sys.stdout)
    parser.add_argument("repos", nargs="+", metavar="NAME=FOLDER")
    options = parser.parse_args()
    _jinja_bits._TemplateConfig.jinja_extensions = ["jinja2.ext.do", "jinja2.ext.loopcontrols"]
    engine = TemplateEngine(DataLoader())
    env = engine.environment
    env.filters, env.tests = Everything(env.filters), Everything(env.tests)
    for repo in options.repos:
        name, folder = repo.split("=", 1)
        survey = Survey(name, pathlib.Path(folder).resolve())
        survey.run()
        failing = 0
        for entry in survey.found.values():
            error = compiled(engine, entry["kind"], entry["text"])
            entry["ok"] = error is None
            if error:
                failing += 1
                entry["error"], entry["error_line"] = error
            options.out.write(json.dumps(entry) + "\n")
        places = sum(entry["count"] for entry in survey.found.values())
        files = sum(entry["kind"] == "file" for entry in survey.found.values())
        print(f"{name}: {places} texts, {len(survey.found)} distinct, {files} files, {failing} fail; {survey.unreadable} files unreadable", file=sys.stderr)


if __name__ == "__main__":
    main()
