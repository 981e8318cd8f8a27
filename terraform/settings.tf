# What each program is told. The names are the programs' own: README.md lists them.

locals {
  # In this order each limit is seen by the one it is for: the job ends itself before the platform answers 504, and the
  # caller waits for the platform's answer.
  verifier_timeout_s = var.verifier.job_deadline_s + 60
  dispatch_timeout_s = local.verifier_timeout_s + 10

  jobs_at_once = var.verifier.max_instances * var.verifier.concurrency

  # Two revisions stand beside each other during a deployment, each up to its full size, and ten are for people and jobs.
  # More than the database takes would stop heartbeats.
  max_connections = 10 + 2 * (
    var.public_api.max_instances * (var.public_api.database_connections + 1)
    + var.verifier.max_instances * var.verifier.database_connections
  )

  # Known before there is a service, so that the two may name each other.
  public_url   = "https://public-api-${data.google_project.this.number}.${var.region}.run.app"
  verifier_url = "https://internal-verifier-${data.google_project.this.number}.${var.region}.run.app"

  # Not the addresses: an audience stays when an address changes.
  public_audience   = "public-api"
  verifier_audience = "internal-verifier"

  chains_folder    = "/etc/sourcerun"
  compilers_folder = "/compilers"

  database_settings = {
    for user in local.database_users : user => {
      DATABASE_URL = "postgres://${user}@${google_sql_database_instance.db.private_ip_address}/${google_sql_database.sourcerun.name}?sslmode=require"
      # The address is private and stands in no certificate: the instance's own authority is what is checked.
      DATABASE_CA = google_sql_database_instance.db.server_ca_cert[0].cert
    }
  }

  service_settings = {
    CHAINS                      = "${local.chains_folder}/chains.json"
    GOOGLE_CLOUD_PROJECT        = var.project_id
    LOG                         = "info"
    OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com"
    OTLP_TOKEN                  = "google"
    # Metrics need a place there. OpenTelemetry's own libraries read this.
    OTEL_RESOURCE_ATTRIBUTES = "cloud.platform=gcp_cloud_run,cloud.region=${var.region}"
    # Nobody scrapes here, and a route that is not there leads nobody in.
    METRICS            = "false"
    REQUEST_TIMEOUT_MS = tostring(local.verifier_timeout_s * 1000)
  }

  settings = {
    public-api = merge(local.service_settings, local.database_settings["public-api"], {
      AUDIENCE             = local.public_audience
      CALLER               = google_service_account.account["scheduler"].email
      DATABASE_CONNECTIONS = tostring(var.public_api.database_connections)
      VERIFIER_URL         = local.verifier_url
      VERIFIER_AUDIENCE    = local.verifier_audience
      DISPATCHES_AT_ONCE   = tostring(local.jobs_at_once)
      DISPATCH_TIMEOUT_MS  = tostring(local.dispatch_timeout_s * 1000)
      TRACED_PART          = tostring(var.traced_part)
      # The load balancer's and Cloud Run's.
      TRUSTED_PROXIES = "2"
      # Each body is some five times as large in memory: a third of it at worst.
      BODIES_MEMORY_MIB = tostring(floor(var.public_api.memory_mib / 16))
      # Each is a request that may stay open for minutes.
      EVENT_STREAMS_AT_ONCE = tostring(floor(var.public_api.concurrency / 2))
    })

    internal-verifier = merge(local.service_settings, local.database_settings["internal-verifier"], {
      AUDIENCE             = local.verifier_audience
      CALLER               = google_service_account.account["public-api"].email
      DATABASE_CONNECTIONS = tostring(var.verifier.database_connections)
      JOBS_AT_ONCE         = tostring(var.verifier.concurrency)
      JOB_DEADLINE_MS      = tostring(var.verifier.job_deadline_s * 1000)
      COMPILER_ENGINES     = var.verifier.engines
      COMPILER_MEMORY_MIB  = tostring(var.verifier.compiler_memory_mib)
      COMPILER_STORE       = local.compilers_folder
      # No job waits until a compiler is prepared, and nothing here may write machine code for others.
      COMPILER_FETCH = "false"
      # Copies lie in memory: half of what compilers leave. The other half is for their outputs and the process.
      COMPILER_CACHE_MIB = tostring(floor((var.verifier.memory_mib - var.verifier.concurrency * var.verifier.compiler_memory_mib) / 2))
    })

    migrate = merge(local.database_settings["migrate"], {
      # It gives these two what they need, and no more.
      PUBLIC_ROLE   = "public-api"
      VERIFIER_ROLE = "internal-verifier"
    })

    prepare-compilers = {
      COMPILER_STORE   = local.compilers_folder
      COMPILER_ENGINES = var.verifier.engines
    }
  }

  # Which secret holds a setting, and which version of it. A new version makes a new revision.
  secret_settings = {
    for user in local.database_users : user => merge(
      {
        DATABASE_PASSWORD = {
          secret  = google_secret_manager_secret.database_password[user].secret_id
          version = google_secret_manager_secret_version.database_password[user].version
        }
      },
      {
        for name, key in var.keys : name => {
          secret  = google_secret_manager_secret.key[name].secret_id
          version = google_secret_manager_secret_version.key[name].version
        } if contains(key.readers, user)
      },
    )
  }
}
