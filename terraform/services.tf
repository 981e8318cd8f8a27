# Terraform owns everything here except the image and who gets the traffic: those are Cloud Build's, which moves the
# traffic step by step. It has to end with the latest revision, or what is applied here later waits for the next build.

locals {
  # Answers everything on port 8080, until the first build has put the program there.
  placeholder_image = "us-docker.pkg.dev/cloudrun/container/hello"
}

resource "google_cloud_run_v2_service" "public_api" {
  name                 = "public-api"
  location             = var.region
  ingress              = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  deletion_protection  = var.deletion_protection
  custom_audiences     = [local.public_audience]
  invoker_iam_disabled = var.public_access == "unchecked"

  # Said here, a minimum is for the service; in the template, each revision with a tag would be paid for, too.
  scaling {
    min_instance_count = var.public_api.min_instances
  }

  template {
    service_account                  = google_service_account.account["public-api"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "${var.public_api.timeout_s}s"
    max_instance_request_concurrency = var.public_api.concurrency
    scaling {
      max_instance_count = var.public_api.max_instances
    }
    vpc_access {
      # The verifier and the database; chain nodes are reached past the network, without a gateway that costs.
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
    containers {
      image = local.placeholder_image
      ports {
        container_port = 8080
      }
      resources {
        limits = { cpu = tostring(var.public_api.cpu), memory = "${var.public_api.memory_mib}Mi" }
        # The call to the verifier goes on after the answer: without a processor it would freeze.
        cpu_idle          = false
        startup_cpu_boost = true
      }
      dynamic "env" {
        for_each = local.settings["public-api"]
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.secret_settings["public-api"]
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
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 30
        http_get {
          path = "/health"
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 2
        failure_threshold = 3
        http_get {
          path = "/health"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].containers[0].image, template[0].labels, traffic, client, client_version]
  }
  # A revision that may not read its secrets does not start, nor does one whose password the database does not know yet.
  depends_on = [
    google_sql_user.user,
    google_secret_manager_secret_iam_member.database_password,
    google_secret_manager_secret_iam_member.key,
    google_secret_manager_secret_iam_member.chains,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "everybody_may_call_public_api" {
  count    = var.public_access == "all-users" ? 1 : 0
  name     = google_cloud_run_v2_service.public_api.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "deployer" {
  for_each = {
    public-api        = google_cloud_run_v2_service.public_api.name
    internal-verifier = google_cloud_run_v2_service.internal_verifier.name
  }
  name     = each.value
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.account["deployer"].member
}
