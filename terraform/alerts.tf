# What rings. The key of an alarm is its entry in docs/runbook.md.

locals {
  # By events of the log: how many of them in ten minutes are borne.
  event_alerts = {
    dispatch-refused = {
      event = "dispatch_refused", borne = 0, severity = "CRITICAL"
      means = "The verifier refuses public-api's token: nothing is verified."
    }
    # Not by the metric: a counter of a new instance begins above nothing, and has not increased.
    internal-errors = {
      event = "job_finished", code = "internal_error", borne = 3, severity = "ERROR"
      means = "Jobs end because something of ours did not work, five times in a row each."
    }
    job-abandoned = {
      event = "job_abandoned", borne = 0, severity = "ERROR"
      means = "A job has killed its verifier five times and was given up."
    }
    lease-expired = {
      event = "lease_expired", borne = 5, severity = "WARNING"
      means = "Verifiers die or freeze while they work; their jobs begin again."
    }
    telemetry-fails = {
      event = "telemetry_flush_failed", borne = 5, severity = "WARNING"
      means = "Metrics and traces are not delivered: alarms that go by them are blind."
    }
    token-unchecked = {
      event = "token_unchecked", borne = 3, severity = "ERROR"
      means = "Google's keys cannot be fetched, so no call between the services can be checked."
    }
  }

  # By metrics, as PromQL: true means that something is wrong.
  metric_alerts = {
    public-api-down = {
      query    = "avg(monitoring_googleapis_com:uptime_check_check_passed{monitored_resource=\"uptime_url\", host=\"${var.domain}\"}) < 0.5"
      duration = "120s", severity = "CRITICAL"
      means    = "Most places in the world get no answer from https://${var.domain}/health."
    }
    public-api-errors = {
      query    = <<-E
        sum(increase(run_googleapis_com:request_count{monitored_resource="cloud_run_revision", service_name="public-api", response_code_class="5xx"}[5m]))
          > 5 + 0.01 * sum(increase(run_googleapis_com:request_count{monitored_resource="cloud_run_revision", service_name="public-api"}[5m]))
      E
      duration = "300s", severity = "ERROR"
      means    = "More than one of a hundred requests is answered 5xx."
    }
    verifier-not-2xx = {
      query    = "sum(increase(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=\"internal-verifier\", response_code_class!=\"2xx\"}[5m])) > 5"
      duration = "300s", severity = "WARNING"
      means    = "The verifier, or the platform in its place, answers with something else than success. 429: all instances are busy."
    }
    oldest-open-job = {
      query    = "max(oldest_open_job_seconds) > ${local.verifier_timeout_s + 300}"
      duration = "120s", severity = "ERROR"
      means    = "A job has been open for longer than the longest job and the longest usual wait take."
    }
    jobs-wait-long = {
      query    = "histogram_quantile(0.95, sum by (le) (rate(job_wait_seconds_bucket[10m]))) > 60"
      duration = "600s", severity = "WARNING"
      means    = "One of twenty jobs waits for longer than a minute until a verifier has it."
    }
    scheduler-failed = {
      query    = "sum(increase(logging_googleapis_com:log_entry_count{monitored_resource=\"cloud_scheduler_job\", severity=\"ERROR\"}[10m])) > 3"
      duration = "0s", severity = "WARNING"
      means    = "Upkeep is ordered and not done."
    }
    job-failed = {
      query    = "sum(increase(run_googleapis_com:job_completed_execution_count{monitored_resource=\"cloud_run_job\", result=\"failed\"}[10m])) > 0"
      duration = "0s", severity = "WARNING"
      means    = "`migrate` or `prepare-compilers` has failed."
    }
    database-connections = {
      query    = "sum(cloudsql_googleapis_com:database_postgresql_num_backends{monitored_resource=\"cloudsql_database\"}) > ${floor(local.max_connections * 0.8)}"
      duration = "300s", severity = "ERROR"
      means    = "Four of five connections that the database allows are taken."
    }
    database-disk = {
      query    = "max(cloudsql_googleapis_com:database_disk_utilization{monitored_resource=\"cloudsql_database\"}) > 0.85"
      duration = "600s", severity = "WARNING"
      means    = "The database's disk is nearly full, though it grows by itself."
    }
    database-cpu = {
      query    = "max(cloudsql_googleapis_com:database_cpu_utilization{monitored_resource=\"cloudsql_database\"}) > 0.9"
      duration = "900s", severity = "WARNING"
      means    = "The database has been busy for a quarter of an hour."
    }
  }

  alert_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
}

resource "google_monitoring_alert_policy" "event" {
  for_each              = local.event_alerts
  display_name          = each.key
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = local.alert_channels
  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.means}\n\nWhat to do: docs/runbook.md#${each.key}"
  }
  conditions {
    display_name = "more than ${each.value.borne} in ten minutes"
    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.event[each.key].name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.borne
      duration        = "0s"
      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

resource "google_monitoring_alert_policy" "metric" {
  for_each              = local.metric_alerts
  display_name          = each.key
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = local.alert_channels
  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.means}\n\nWhat to do: docs/runbook.md#${each.key}"
  }
  conditions {
    display_name = each.key
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.duration
      evaluation_interval = "60s"
      # Some metrics are there only after the first job.
      disable_metric_validation = true
    }
  }
  depends_on = [google_project_service.api]
}
