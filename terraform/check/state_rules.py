"""Rules over everything that an apply has made: those that speak of all resources, which no test of one can.

What one resource must be is in tests/*.tftest.hcl.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Resource = dict[str, Any]
Rule = Callable[[list[Resource]], Iterator[str]]

# Every secret of tests/demo.tfvars has it.
MARK = "MARKED"
EVERYBODY = {"allUsers", "allAuthenticatedUsers"}
# May do anything, or may give itself the right to.
ALMIGHTY = re.compile(r"^roles/(owner|editor|iam\.securityAdmin|.*\.admin|.*Admin)$")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|_KEY$|TOKEN")
# Says how, not what.
NO_SECRETS = {"OTLP_TOKEN"}
RUNBOOK = "docs/runbook.md#"


def broken(resources: list[Resource], state: str) -> Iterator[str]:
    """A sentence for each breach."""
    yield from secrets_in(state)
    for rule in RULES:
        yield from rule(resources)


def secrets_in(written: str) -> Iterator[str]:
    """What Terraform writes down must hold none of the values that tests/demo.tfvars marks."""
    if MARK in written:
        before = " ".join(written[: written.index(MARK)][-120:].split())
        yield f"a secret is written down, after {before!r}"


def only_public_api_is_open_to_everybody(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        values = resource["values"]
        who = {values.get("member"), *(values.get("members") or [])}
        allowed = resource["type"] == "google_cloud_run_v2_service_iam_member" and (values["name"], values["role"]) == (
            "public-api",
            "roles/run.invoker",
        )
        if who & EVERYBODY and not allowed:
            yield f"{resource['address']}: everybody is given {values['role']}"


def no_account_is_almighty(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        role = resource["values"].get("role")
        if "_iam_" in resource["type"] and isinstance(role, str) and ALMIGHTY.match(role):
            yield f"{resource['address']}: {role} is more than any program needs"


def secrets_are_written_and_never_kept(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        values = resource["values"]
        for name in [name for name in values if name.endswith("_wo_version")]:
            kept = name.removesuffix("_wo_version")
            if values[name] is None or values.get(kept) is not None:
                yield f"{resource['address']}: {kept} would be in the state; give {kept}_wo, and its version"
        if values.get("root_password") is not None:
            yield f"{resource['address']}: root_password would be in the state"


def containers(resource: Resource) -> list[Resource]:
    template = (resource["values"].get("template") or [{}])[0]
    inner = template.get("template") or [template]
    return inner[0].get("containers") or []


def secret_settings_come_from_secrets(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        for container in containers(resource):
            for setting in container["env"]:
                name = setting["name"]
                if SECRET_NAME.search(name) and name not in NO_SECRETS and setting["value"] is not None:
                    yield f"{resource['address']}: {name} is given in plain text"


def each_reads_its_own_password(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        values = resource["values"]
        for container in containers(resource):
            for setting in container["env"]:
                secret = [source["secret_key_ref"][0]["secret"] for source in setting["value_source"]]
                if setting["name"] == "DATABASE_PASSWORD" and secret != [f"database-password-{values['name']}"]:
                    yield f"{resource['address']}: its password comes from {secret}"
        if resource["type"] == "google_secret_manager_secret_iam_member":
            owner = values["secret_id"].removeprefix("id-of-database-password-")
            if owner != values["secret_id"] and values["member"] != f"member-of-{owner}":
                yield f"{resource['address']}: {values['member']} may read the password of {owner}"


# The provider makes up addresses with the name of their account.
def programs_run_as_their_own_account(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        if not containers(resource):
            continue
        template = resource["values"]["template"][0]
        inner = (template.get("template") or [template])[0]
        account = inner.get("service_account") or ""
        if not account.endswith(f"-of-{resource['values']['name']}"):
            yield f"{resource['address']}: runs as {account or 'the default account, which may edit the project'}"


def buckets_are_closed(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        values = resource["values"]
        if resource["type"] != "google_storage_bucket":
            continue
        if values["public_access_prevention"] != "enforced" or not values["uniform_bucket_level_access"]:
            yield f"{resource['address']}: objects could be opened to everybody"


def alarms_are_heard_and_explained(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        values = resource["values"]
        if resource["type"] != "google_monitoring_alert_policy":
            continue
        if not values["notification_channels"]:
            yield f"{resource['address']}: nobody is told"
        text = "".join(part["content"] or "" for part in values["documentation"])
        if not text.endswith(f"{RUNBOOK}{values['display_name']}"):
            yield f"{resource['address']}: does not name {RUNBOOK}{values['display_name']}"


def the_dashboard_shows_something(resources: list[Resource]) -> Iterator[str]:
    for resource in resources:
        if resource["type"] != "google_monitoring_dashboard":
            continue
        tiles = json.loads(resource["values"]["dashboard_json"])["mosaicLayout"]["tiles"]
        places = {(tile["xPos"], tile["yPos"]) for tile in tiles}
        if len(places) != len(tiles):
            yield f"{resource['address']}: two charts are in one place"
        for tile in tiles:
            if not tile["widget"]["xyChart"]["dataSets"]:
                yield f"{resource['address']}: {tile['widget']['title']} has no line"


RULES: list[Rule] = [
    only_public_api_is_open_to_everybody,
    no_account_is_almighty,
    secrets_are_written_and_never_kept,
    secret_settings_come_from_secrets,
    each_reads_its_own_password,
    programs_run_as_their_own_account,
    buckets_are_closed,
    alarms_are_heard_and_explained,
    the_dashboard_shows_something,
]
