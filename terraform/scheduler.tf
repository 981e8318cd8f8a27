# Upkeep that has to happen though nobody asks. public-api checks the token itself: allUsers may call it, so Cloud Run does
# not. The address is the service's own, since the load balancer lets nobody through to these routes.

# Each instance sweeps by itself, too; this one is certain, and its repetition harmless.
resource "google_cloud_scheduler_job" "sweep" {
  name             = "sweep"
  description      = "Finds jobs whose call was lost"
  region           = var.region
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "30s"
  retry_config {
    # The next minute is soon enough.
    retry_count = 0
  }
  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.public_api.uri}/internal_api_sweep"
    oidc_token {
      service_account_email = google_service_account.account["scheduler"].email
      audience              = local.public_audience
    }
  }
  depends_on = [google_project_service.api]
}

resource "google_cloud_scheduler_job" "expire" {
  name             = "expire"
  description      = "Deletes what is kept for some time only"
  region           = var.region
  schedule         = "17 4 * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "180s"
  retry_config {
    # Its next turn is a day later.
    retry_count = 3
  }
  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.public_api.uri}/internal_api_expire"
    oidc_token {
      service_account_email = google_service_account.account["scheduler"].email
      audience              = local.public_audience
    }
  }
  depends_on = [google_project_service.api]
}

# Executes a job, which is a call of Google's API and takes an access token.
resource "google_cloud_scheduler_job" "prepare_compilers" {
  count            = var.prepare_compilers_at == null ? 0 : 1
  name             = "prepare-compilers"
  description      = "Prepares compilers that were released since"
  region           = var.region
  schedule         = var.prepare_compilers_at
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"
  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.prepare_compilers.id}:run"
    oauth_token {
      service_account_email = google_service_account.account["scheduler"].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }
  depends_on = [google_project_service.api]
}
