terraform {
  # Write-only arguments, which keep passwords out of the state, came with 1.11.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source = "hashicorp/google"
      # check/ knows the schema of 6.50.0. 7.x would add the autoscaler's targets, and mount options.
      version = ">= 6.50, < 7.0"
    }
  }

  # The bucket and the prefix are given to `terraform init`: see README.md.
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region

  # What a month cost is asked by these.
  default_labels = {
    application = "sourcerun"
    environment = var.environment
  }
}

# Its number is part of the services' addresses.
data "google_project" "this" {
  project_id = var.project_id
}

resource "google_project_service" "api" {
  for_each = toset([
    "artifactregistry", "cloudbuild", "cloudscheduler", "cloudtrace", "compute", "dns", "iam", "logging", "monitoring",
    "run", "secretmanager", "servicenetworking", "sqladmin", "storage", "telemetry",
  ])
  service = "${each.key}.googleapis.com"
  # Others in the project may use them, too.
  disable_on_destroy = false
}
