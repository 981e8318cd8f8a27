# Runs to an end: executed by Cloud Build, by the scheduler or by hand.

# Cloud Build's machines have no way to the database, so it executes this before it deploys.
resource "google_cloud_run_v2_job" "migrate" {
  name                = "migrate"
  location            = var.region
  deletion_protection = var.deletion_protection
  template {
    template {
      service_account = google_service_account.account["migrate"].email
      # What failed is looked at, not repeated.
      max_retries = 0
      timeout     = "600s"
      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.vpc.id
          subnetwork = google_compute_subnetwork.run.id
        }
      }
      containers {
        image   = local.placeholder_image
        command = ["/usr/local/bin/migrate"]
        dynamic "env" {
          for_each = local.settings["migrate"]
          content {
            name  = env.key
            value = env.value
          }
        }
        dynamic "env" {
          for_each = local.secret_settings["migrate"]
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
      }
    }
  }
  lifecycle {
    ignore_changes = [
      template[0].template[0].containers[0].image, template[0].labels, template[0].annotations, client, client_version,
    ]
  }
  depends_on = [google_sql_user.user, google_secret_manager_secret_iam_member.database_password]
}

# Fetches releases that the bucket lacks and turns them into machine code. It sees neither the database nor a secret.
resource "google_cloud_run_v2_job" "prepare_compilers" {
  name                = "prepare-compilers"
  location            = var.region
  deletion_protection = var.deletion_protection
  template {
    template {
      service_account       = google_service_account.account["prepare-compilers"].email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      # What is in the bucket already is not done again.
      max_retries = 1
      # The first time it is all releases.
      timeout = "14400s"
      volumes {
        name = "compilers"
        gcs {
          bucket    = google_storage_bucket.compilers.name
          read_only = false
        }
      }
      containers {
        image   = local.placeholder_image
        command = ["/usr/local/bin/compilers"]
        args    = ["--versions", "all", "--publish"]
        resources {
          # Making machine code takes as many processors as there are; files are memory here.
          limits = { cpu = "4", memory = "8Gi" }
        }
        dynamic "env" {
          for_each = local.settings["prepare-compilers"]
          content {
            name  = env.key
            value = env.value
          }
        }
        volume_mounts {
          name       = "compilers"
          mount_path = local.compilers_folder
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      template[0].template[0].containers[0].image, template[0].labels, template[0].annotations, client, client_version,
    ]
  }
  depends_on = [google_storage_bucket_iam_binding.compilers_writer]
}

resource "google_cloud_run_v2_job_iam_member" "deployer" {
  for_each = {
    migrate           = google_cloud_run_v2_job.migrate.name
    prepare-compilers = google_cloud_run_v2_job.prepare_compilers.name
  }
  name     = each.value
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.account["deployer"].member
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  name     = google_cloud_run_v2_job.prepare_compilers.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.account["scheduler"].member
}
