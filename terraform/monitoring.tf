# Who is told, what is counted of the log, and whether the API answers from outside. What rings is in alerts.tf.

resource "google_monitoring_notification_channel" "email" {
  for_each     = var.alert_emails
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
  depends_on   = [google_project_service.api]
}

# Single events that an alarm counts. What comes in numbers is a metric of the programs.
resource "google_logging_metric" "event" {
  for_each    = local.event_alerts
  name        = "sourcerun_${each.value.event}${can(each.value.code) ? "_${each.value.code}" : ""}"
  description = each.value.means
  filter = join(" AND ", compact([
    "resource.type=\"cloud_run_revision\"",
    "jsonPayload.event=\"${each.value.event}\"",
    can(each.value.code) ? "jsonPayload.code=\"${each.value.code}\"" : "",
  ]))
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
  depends_on = [google_project_service.api]
}

resource "google_monitoring_uptime_check_config" "public_api" {
  display_name = "public-api"
  period       = "60s"
  timeout      = "10s"
  http_check {
    path         = "/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }
  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project_id, host = var.domain }
  }
  depends_on = [google_project_service.api]
}
