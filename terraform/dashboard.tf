# What an operator looks at first. Each chart is a title, an axis and its lines: a legend and a question in PromQL.

locals {
  by_service = "{monitored_resource=\"cloud_run_revision\"}"

  charts = [
    { title = "Jobs accepted and finished", axis = "a second", lines = {
      "accepted {{kind}}"    = "sum by (kind) (rate(jobs_accepted_total[5m]))"
      "{{outcome}} {{code}}" = "sum by (outcome, code) (rate(jobs_finished_total[5m]))"
    } },
    { title = "Open jobs", axis = "jobs", lines = {
      "{{state}} {{age}}" = "max by (state, age) (open_jobs)"
    } },
    { title = "Oldest open job", axis = "seconds", lines = {
      "oldest" = "max(oldest_open_job_seconds)"
    } },
    { title = "How long a job takes", axis = "seconds", lines = {
      "waiting, p95" = "histogram_quantile(0.95, sum by (le) (rate(job_wait_seconds_bucket[5m])))"
      "running, p50" = "histogram_quantile(0.5, sum by (le) (rate(job_seconds_bucket[5m])))"
      "running, p95" = "histogram_quantile(0.95, sum by (le) (rate(job_seconds_bucket[5m])))"
    } },
    { title = "Stages of a job, p95", axis = "seconds", lines = {
      "{{stage}}" = "histogram_quantile(0.95, sum by (le, stage) (rate(stage_seconds_bucket[5m])))"
    } },
    { title = "Compilations, p95", axis = "seconds", lines = {
      "{{engine}} {{language}}" = "histogram_quantile(0.95, sum by (le, engine, language) (rate(compile_seconds_bucket[5m])))"
    } },
    { title = "Calls to the verifier", axis = "a second", lines = {
      "{{result}} {{by}}" = "sum by (result, by) (rate(dispatches_total[5m]))"
    } },
    { title = "Attempts that were cut off", axis = "a second", lines = {
      "leases expired" = "sum(rate(leases_expired_total[5m]))"
      "leases lost"    = "sum(rate(leases_lost_total[5m]))"
    } },
    { title = "Where outputs and compilers came from", axis = "a second", lines = {
      "output {{outcome}}"            = "sum by (outcome) (rate(compiler_cache_total[5m]))"
      "compiler {{from}} {{outcome}}" = "sum by (from, outcome) (rate(compilers_made_ready_total[5m]))"
    } },
    { title = "Chain nodes", axis = "a second", lines = {
      "{{chain}} {{outcome}}" = "sum by (chain, outcome) (rate(rpc_calls_total[5m]))"
    } },
    { title = "Walls around compilers", axis = "instances", lines = {
      "{{level}}" = "sum by (level) (sandbox_level)"
    } },
    { title = "Tokens", axis = "a second", lines = {
      "refused {{reason}}" = "sum by (reason) (rate(token_failures_total[5m]))"
      "keys {{reason}}"    = "sum by (reason) (rate(jwks_fetches_total[5m]))"
    } },
    { title = "Requests", axis = "a second", lines = {
      "{{service_name}} {{response_code_class}}" = "sum by (service_name, response_code_class) (rate(run_googleapis_com:request_count${local.by_service}[5m]))"
    } },
    { title = "Answers of public-api, p99", axis = "seconds", lines = {
      "{{route}}" = "histogram_quantile(0.99, sum by (le, route) (rate(http_request_seconds_bucket[5m])))"
    } },
    { title = "Instances", axis = "instances", lines = {
      "{{service_name}} {{state}}" = "sum by (service_name, state) (run_googleapis_com:container_instance_count${local.by_service})"
    } },
    { title = "Memory of instances, p99", axis = "part of the limit", lines = {
      "{{service_name}}" = "histogram_quantile(0.99, sum by (le, service_name) (rate(run_googleapis_com:container_memory_utilizations_bucket${local.by_service}[5m])))"
    } },
    { title = "Connections of the database (at most ${local.max_connections})", axis = "connections", lines = {
      "all"                  = "sum(cloudsql_googleapis_com:database_postgresql_num_backends{monitored_resource=\"cloudsql_database\"})"
      "at work"              = "sum(db_pool_in_use)"
      "waiting, p95 seconds" = "histogram_quantile(0.95, sum by (le) (rate(db_pool_wait_seconds_bucket[5m])))"
    } },
    { title = "The database", axis = "part of the whole", lines = {
      "processor" = "max(cloudsql_googleapis_com:database_cpu_utilization{monitored_resource=\"cloudsql_database\"})"
      "memory"    = "max(cloudsql_googleapis_com:database_memory_utilization{monitored_resource=\"cloudsql_database\"})"
      "disk"      = "max(cloudsql_googleapis_com:database_disk_utilization{monitored_resource=\"cloudsql_database\"})"
    } },
  ]
}

resource "google_monitoring_dashboard" "sourcerun" {
  dashboard_json = jsonencode({
    displayName = "sourcerun"
    mosaicLayout = {
      columns = 48
      tiles = [
        for index, chart in local.charts : {
          xPos   = 16 * (index % 3)
          yPos   = 12 * floor(index / 3)
          width  = 16
          height = 12
          widget = {
            title = chart.title
            xyChart = {
              yAxis = { label = chart.axis, scale = "LINEAR" }
              dataSets = [
                for legend, question in chart.lines : {
                  plotType        = "LINE"
                  targetAxis      = "Y1"
                  legendTemplate  = replace(replace(legend, "{{", "$${labels."), "}}", "}")
                  timeSeriesQuery = { prometheusQuery = question, unitOverride = "" }
                }
              ]
            }
          }
        }
      ]
    }
  })
  depends_on = [google_project_service.api]
}
