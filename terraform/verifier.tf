# As for public-api, the image and the traffic are Cloud Build's.

resource "google_cloud_run_v2_service" "internal_verifier" {
  name                = "internal-verifier"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  deletion_protection = var.deletion_protection
  custom_audiences    = [local.verifier_audience]

  scaling {
    min_instance_count = var.verifier.min_instances
  }

  template {
    service_account = google_service_account.account["internal-verifier"].email
    # The walls around compilers ask for calls that only the second generation's kernel has.
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "${local.verifier_timeout_s}s"
    max_instance_request_concurrency = var.verifier.concurrency
    scaling {
      max_instance_count = var.verifier.max_instances
    }
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.vpc.id
        subnetwork = google_compute_subnetwork.run.id
      }
    }
    volumes {
      name = "chains"
      secret {
        secret = google_secret_manager_secret.chains.secret_id
        items {
          path    = "chains.json"
          version = google_secret_manager_secret_version.chains.version
        }
      }
    }
    volumes {
      name = "compilers"
      gcs {
        bucket    = google_storage_bucket.compilers.name
        read_only = true
      }
    }
    containers {
      image = local.placeholder_image
      ports {
        container_port = 8080
      }
      resources {
        limits = { cpu = tostring(var.verifier.cpu), memory = "${var.verifier.memory_mib}Mi" }
        # All work is done inside the request, so only requests are paid for.
        cpu_idle          = true
        startup_cpu_boost = true
      }
      dynamic "env" {
        for_each = local.settings["internal-verifier"]
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.secret_settings["internal-verifier"]
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }
      volume_mounts {
        name       = "chains"
        mount_path = local.chains_folder
      }
      volume_mounts {
        name       = "compilers"
        mount_path = local.compilers_folder
      }
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 60
        http_get {
          path = "/health"
        }
      }
      # Patient: a compiler may keep the processor busy, and a job that is killed for that costs an attempt.
      liveness_probe {
        period_seconds    = 20
        timeout_seconds   = 5
        failure_threshold = 6
        http_get {
          path = "/health"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].containers[0].image, template[0].labels, traffic, client, client_version]
  }
  depends_on = [
    google_sql_user.user,
    google_secret_manager_secret_iam_member.database_password,
    google_secret_manager_secret_iam_member.key,
    google_secret_manager_secret_iam_member.chains,
    google_storage_bucket_iam_binding.compilers_reader,
  ]
}

# A binding, not a member: it takes the right away from whoever else was given it on this service.
resource "google_cloud_run_v2_service_iam_binding" "verifier_invoker" {
  name     = google_cloud_run_v2_service.internal_verifier.name
  location = var.region
  role     = "roles/run.invoker"
  members  = [google_service_account.account["public-api"].member]
}
