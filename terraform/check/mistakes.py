"""Mistakes that the checks must catch: what is changed in which file, by which step it is caught, and what is said."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    name: str
    file: str
    # The first place where it stands is changed.
    old: str
    new: str
    # fmt, validate, apply, rules (all of these in one copy), or the name of a file in tests/.
    step: str
    # Part of what is said.
    says: str


MISTAKES = [
    # Terraform and the schema.
    Mistake("formatting", "scheduler.tf", 'schedule         = "* * * * *"', 'schedule = "* * * * *"', "fmt", "schedule"),
    Mistake(
        "misspelt attribute", "services.tf", "startup_cpu_boost", "startup_cpu_bost ", "validate", '"startup_cpu_bost" is not expected'
    ),
    Mistake("misspelt kind", "database.tf", '"google_sql_database" "', '"google_sql_databse" "', "validate", "google_sql_databse"),
    Mistake("missing attribute", "build.tf", 'repository_id = "sourcerun"\n', "\n", "validate", '"repository_id" is required'),
    Mistake("wrong type", "jobs.tf", "max_retries = 0", 'max_retries = "none"', "validate", "a number is required"),
    Mistake("undocumented value", "verifier.tf", '"INGRESS_TRAFFIC_INTERNAL_ONLY"', '"INGRESS_INTERNAL"', "validate", "expected one of"),
    Mistake("attribute as a block", "jobs.tf", "args    = [", "args = {} #", "validate", "list of string required"),
    Mistake("block as an attribute", "services.tf", "scaling {\n    min", "scaling = {\n    min", "validate", "Unsupported argument"),
    Mistake("two of a single block", "secrets.tf", "    auto {}\n", "    auto {}\n    auto {}\n", "validate", "Too many auto blocks"),
    Mistake("unknown reference", "scheduler.tf", "public_api.uri}", "public_api.url}", "validate", 'named "url"'),
    Mistake("undeclared setting", "settings.tf", "var.traced_part", "var.traced", "validate", "undeclared input variable"),
    # internal-verifier.
    Mistake("public verifier", "verifier.tf", "INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_ALL", "verifier", "must not be reachable"),
    Mistake(
        "a second caller",
        "verifier.tf",
        'account["public-api"].member]',
        'account["public-api"].member, google_service_account.account["deployer"].member]',
        "verifier",
        "Nobody but public-api",
    ),
    Mistake(
        "verifier for everybody",
        "verifier.tf",
        'members  = [google_service_account.account["public-api"].member]',
        'members  = ["allUsers"]',
        "rules",
        "verifier_invoker: everybody is given roles/run.invoker",
    ),
    Mistake("concurrency 80", "verifier.tf", "= var.verifier.concurrency", "= 80", "verifier", "One job for each instance"),
    Mistake(
        "timeouts out of order",
        "settings.tf",
        "var.verifier.job_deadline_s + 60",
        "var.verifier.job_deadline_s - 60",
        "verifier",
        "before the platform answers 504",
    ),
    Mistake(
        "caller gives up first",
        "settings.tf",
        "local.verifier_timeout_s + 10",
        "local.verifier_timeout_s - 10",
        "verifier",
        "must see the platform's answer",
    ),
    Mistake(
        "token for another",
        "settings.tf",
        "VERIFIER_AUDIENCE    = local.verifier_audience",
        "VERIFIER_AUDIENCE    = local.public_audience",
        "verifier",
        "not good for public-api",
    ),
    Mistake(
        "compilers can be changed", "verifier.tf", "read_only = true", "read_only = false", "verifier", "must not be able to change them"
    ),
    Mistake("copies fill the memory", "settings.tf", "compiler_memory_mib) / 2))", "compiler_memory_mib)))", "verifier", "files are memory"),
    Mistake("first generation", "verifier.tf", "ENVIRONMENT_GEN2", "ENVIRONMENT_GEN1", "verifier", "second generation"),
    # public-api.
    Mistake(
        "frozen dispatch",
        "services.tf",
        "cpu_idle          = false",
        "cpu_idle          = true",
        "public_api",
        "without a processor it freezes",
    ),
    Mistake(
        "around the balancer", "services.tf", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "INGRESS_TRAFFIC_ALL", "public_api", "load balancer"
    ),
    Mistake(
        "sweep audience",
        "scheduler.tf",
        "audience              = local.public_audience",
        "audience              = local.public_url",
        "public_api",
        "token must be the one",
    ),
    Mistake(
        "sweep by a stranger",
        "settings.tf",
        'account["scheduler"].email',
        'account["deployer"].email',
        "public_api",
        "token must be the one",
    ),
    Mistake("too many dispatches", "settings.tf", "tostring(local.jobs_at_once)", '"50"', "public_api", "DISPATCHES_AT_ONCE"),
    Mistake(
        "metrics for everybody",
        "load_balancer.tf",
        " || request.path.urlDecode().startsWith('/metrics')",
        "",
        "public_api",
        "Internal routes must be refused",
    ),
    Mistake(
        "no security policy",
        "load_balancer.tf",
        "  security_policy       = google_compute_security_policy.public.id\n",
        "",
        "public_api",
        "security policy must stand",
    ),
    # The database.
    Mistake("public database", "database.tf", "ipv4_enabled    = false", "ipv4_enabled    = true", "data", "no public address"),
    Mistake("unencrypted database", "database.tf", "ENCRYPTED_ONLY", "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "data", "encrypted"),
    Mistake("too few connections", "database.tf", "tostring(local.max_connections)", '"100"', "data", "max_connections must cover"),
    Mistake("one revision counted", "settings.tf", "10 + 2 * (", "10 + 1 * (", "data", "max_connections must cover"),
    Mistake(
        "no backups",
        "database.tf",
        "point_in_time_recovery_enabled = true",
        "point_in_time_recovery_enabled = false",
        "data",
        "survive a mistake",
    ),
    # Production.
    Mistake(
        "unprotected by its file",
        "production.tfvars",
        "deletion_protection = true",
        "deletion_protection = false",
        "data",
        "nobody deletes production",
    ),
    Mistake("unprotected database", "database.tf", "= var.deletion_protection", "= false", "data", "protected against deletion"),
    Mistake(
        "a check that is gone",
        "variables.tf",
        "var.deletion_protection || var",
        "!var.deletion_protection || true || var",
        "refusals",
        "Missing expected failure",
    ),
    # Secrets and rights.
    Mistake(
        "password in the state",
        "database.tf",
        "password_wo         = var.database_passwords[each.key]\n  password_wo_version = var.database_passwords_version",
        'password            = "MARKED-${each.key}"',
        "rules",
        "a secret is written down",
    ),
    Mistake(
        "secret in the state",
        "secrets.tf",
        "secret_data_wo = jsonencode",
        "secret_data    = jsonencode",
        "rules",
        "chains: secret_data would be in the state",
    ),
    Mistake(
        "password in plain text",
        "settings.tf",
        'PUBLIC_ROLE   = "public-api"',
        'DATABASE_PASSWORD = "hunter2"',
        "rules",
        "DATABASE_PASSWORD is given in plain text",
    ),
    Mistake(
        "a password that is read",
        "settings.tf",
        'PUBLIC_ROLE   = "public-api"',
        'PUBLIC_ROLE = var.database_passwords["migrate"]',
        "apply",
        "Invalid use of ephemeral value",
    ),
    Mistake(
        "another's password",
        "jobs.tf",
        'secret_settings["migrate"]',
        'secret_settings["public-api"]',
        "rules",
        "its password comes from ['database-password-public-api']",
    ),
    Mistake("another reader", "secrets.tf", "account[each.key].member", 'account["deployer"].member', "rules", "may read the password of"),
    Mistake(
        "almighty deployer", "identities.tf", '"roles/run.viewer"', '"roles/editor"', "rules", "roles/editor is more than any program needs"
    ),
    Mistake(
        "borrowed account",
        "jobs.tf",
        'account["prepare-compilers"].email',
        'account["internal-verifier"].email',
        "rules",
        "prepare_compilers: runs as",
    ),
    Mistake("open bucket", "storage.tf", '"enforced"', '"inherited"', "rules", "compilers: objects could be opened to everybody"),
    Mistake(
        "alarm without an entry", "alerts.tf", "docs/runbook.md#${each.key}", "docs/runbook.md", "rules", "does not name docs/runbook.md#"
    ),
]
