#!/usr/bin/env python3
"""Checks the deployment, and then the check: each of the deliberate mistakes in mistakes.py has to be caught.

usage: selftest.py [TEXT]     only the mistakes whose name has this text

Each mistake is made in a copy of the real files, so there is no second deployment to keep. The last line counts, and the
exit code is 1 if anything failed.
"""

import pathlib
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import provider
import tfcheck
from mistakes import MISTAKES, Mistake
from tfcheck import Copy, Finding

WORKERS = 2
# Whether it is a problem, and the line that says so.
Result = tuple[bool, str]


def main() -> int:
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    begun = time.monotonic()
    server, env = provider.serve(tfcheck.SCHEMA)
    passed = failed = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        whole = [] if only else [pool.submit(check_deployment, env)]
        each = [pool.submit(check_mistakes, made, env) for made in together(only)]
        for result in [*whole, *each]:
            for problem, line in result.result():
                print(f"{'FAILED' if problem else 'ok':8}{line}", flush=True)
                passed, failed = passed + (not problem), failed + problem
    server.stop(None)
    print(f"terraform: {passed} passed, {failed} failed in {time.monotonic() - begun:.0f} s")
    return 1 if failed or not passed else 0


def together(only: str) -> list[list[Mistake]]:
    """Which are made in one copy. What breaks a rule is told with its place, and an apply takes long: all of those at once."""
    chosen = [mistake for mistake in MISTAKES if only in mistake.name]
    rules = [mistake for mistake in chosen if mistake.step == "rules"]
    return [[mistake] for mistake in chosen if mistake.step != "rules"] + ([rules] if rules else [])


def check_deployment(env: dict[str, str]) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(pathlib.Path(folder), env)
        copy.fill()
        found = tfcheck.findings(copy)
    if found:
        return [(True, "the deployment\n" + "\n".join(map(str, found)))]
    return [(False, "the deployment, as staging and as production")]


def check_mistakes(mistakes: list[Mistake], env: dict[str, str]) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(pathlib.Path(folder), env)
        copy.fill()
        for mistake in mistakes:
            path = copy.folder / mistake.file
            text = path.read_text()
            if mistake.old not in text:
                return [(True, f"{mistake.name}: {mistake.file} has no {mistake.old!r}")]
            path.write_text(text.replace(mistake.old, mistake.new, 1))
        found = look(mistakes[0].step, copy)
    return [judge(mistake, found) for mistake in mistakes]


def judge(mistake: Mistake, found: list[Finding]) -> Result:
    caught = [finding for finding in found if mistake.says in finding.text]
    if not caught:
        return True, f"{mistake.name}: not caught by {mistake.step}; found was\n" + "\n".join(map(str, found))
    return False, f"{mistake.name:26}{shorten(caught[0])}"


def look(step: str, copy: Copy) -> list[Finding]:
    """The one step that has to catch it: the others would, too late or too early, and take most of the time."""
    if step == "fmt":
        return list(tfcheck.formatting(copy))
    if found := list(tfcheck.initialisation(copy)):
        return found
    if step == "validate":
        return list(tfcheck.validity(copy))
    if step in ("apply", "rules"):
        return list(tfcheck.deployment(copy, "production"))
    return list(tfcheck.tests(copy, "production", step))


def shorten(finding: Finding) -> str:
    line = " ".join(str(finding).split())
    return line if len(line) <= 110 else line[:107] + "..."


if __name__ == "__main__":
    sys.exit(main())
