#!/usr/bin/env python3
"""Checks Terraform code without a project, a provider or the internet. Terraform itself is the real one.

usage: tfcheck.py

Formatting and `validate`; then with staging.tfvars and with production.tfvars the tests in tests/, an `apply` against a
provider that knows only the schema, rules over the state that this leaves, and a second plan, which has to be empty. All of
it in a copy. Prints what it found; the exit code is 1 if that is anything.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import provider
import state_rules

HERE = pathlib.Path(__file__).resolve().parent
TERRAFORM = HERE.parent
SCHEMA = HERE / "schema" / "google-6.50.0.json"
CHECKED = ("*.tf", "*.tfvars", "tests/*.*", "tests/mocks/*")
ENVIRONMENTS = ("staging", "production")
LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'


@dataclass(frozen=True)
class Finding:
    """What is wrong, and which step found it."""

    step: str
    text: str

    def __str__(self) -> str:
        return f"{self.step}: {self.text}"


@dataclass(frozen=True)
class Copy:
    """What is checked, without what else lies there, and its state beside it instead of in a bucket."""

    folder: pathlib.Path
    env: dict[str, str]

    def fill(self) -> None:
        for path in (path for pattern in CHECKED for path in sorted(TERRAFORM.glob(pattern))):
            copied = self.folder / path.relative_to(TERRAFORM)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copied)
        (self.folder / "local_state_override.tf").write_text(LOCAL_STATE)

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        return subprocess.run(command, check=False, env=self.env, capture_output=True, text=True)


def formatting(copy: Copy) -> Iterator[Finding]:
    done = copy.terraform("fmt", "-check", "-recursive", "-diff")
    if done.returncode != 0:
        yield Finding("fmt", done.stdout + done.stderr)


def initialisation(copy: Copy) -> Iterator[Finding]:
    done = copy.terraform("init", "-input=false", "-no-color")
    if done.returncode != 0:
        yield Finding("init", done.stdout + done.stderr)


def validity(copy: Copy) -> Iterator[Finding]:
    shown = json.loads(copy.terraform("validate", "-json").stdout)
    yield from (Finding("validate", render(diagnostic)) for diagnostic in shown["diagnostics"])


def tests(copy: Copy, environment: str, *only: str) -> Iterator[Finding]:
    step = f"test {environment}"
    files = [f"-filter=tests/{name}.tftest.hcl" for name in only]
    done = copy.terraform("test", "-json", *variables(environment), *files)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    yield from (Finding(step, render(message["diagnostic"])) for message in messages if message["type"] == "diagnostic")
    summaries = [message["test_summary"] for message in messages if message["type"] == "test_summary"]
    if not summaries or summaries[0]["passed"] + summaries[0]["failed"] + summaries[0]["errored"] == 0:
        yield Finding(step, f"no test was run\n{done.stderr}")


def deployment(copy: Copy, environment: str) -> Iterator[Finding]:
    state = f"{environment}.tfstate"
    done = copy.terraform("apply", "-auto-approve", *given(environment))
    if done.returncode != 0:
        yield Finding(f"apply {environment}", done.stderr)
        return
    shown = json.loads(copy.terraform("show", "-json", state).stdout)
    resources = shown["values"]["root_module"]["resources"]
    written = (copy.folder / state).read_text()
    yield from (Finding(f"rules {environment}", text) for text in state_rules.broken(resources, written))


def stability(copy: Copy, environment: str) -> Iterator[Finding]:
    """After an apply nothing is left to change; and what a plan writes down holds no secret either."""
    step, plan = f"second plan {environment}", f"{environment}.plan"
    done = copy.terraform("plan", "-detailed-exitcode", f"-out={plan}", *given(environment))
    if done.returncode != 0:
        yield Finding(step, f"something would change though nothing has\n{done.stdout}{done.stderr}")
    written = copy.terraform("show", "-json", plan).stdout
    yield from (Finding(step, text) for text in state_rules.secrets_in(written))


def given(environment: str) -> tuple[str, ...]:
    return (*variables(environment), f"-state={environment}.tfstate", "-input=false", "-no-color")


def variables(environment: str) -> tuple[str, ...]:
    return (f"-var-file={environment}.tfvars", "-var-file=tests/demo.tfvars")


def render(diagnostic: dict[str, Any]) -> str:
    place = diagnostic.get("range")
    where = f"{place['filename']}:{place['start']['line']}: " if place else ""
    return f"{where}{diagnostic['summary']}: {' '.join(diagnostic.get('detail', '').split())}"


def findings(copy: Copy) -> list[Finding]:
    """All, unless the code is no Terraform: then the rest would say the same."""
    found = list(formatting(copy))
    invalid = list(initialisation(copy)) or list(validity(copy))
    if invalid:
        return found + invalid

    def within(environment: str) -> list[Finding]:
        found = [*tests(copy, environment), *deployment(copy, environment)]
        # Without a state, everything is left to change.
        return found or list(stability(copy, environment))

    with ThreadPoolExecutor(len(ENVIRONMENTS)) as pool:
        return found + [finding for part in pool.map(within, ENVIRONMENTS) for finding in part]


def main() -> int:
    server, env = provider.serve(SCHEMA)
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(pathlib.Path(folder), env)
        copy.fill()
        found = findings(copy)
    server.stop(None)
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
