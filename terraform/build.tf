# Images, and what builds them.

resource "google_artifact_registry_repository" "images" {
  repository_id = "sourcerun"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of public-api and internal-verifier"
  docker_config {
    # What a tag names stays what it names.
    immutable_tags = true
  }
  cleanup_policies {
    id     = "keep-the-last"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }
  cleanup_policies {
    id     = "delete-old-ones"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "2592000s"
    }
  }
  depends_on = [google_project_service.api]
}

# What the next build can use of the last: tags that move, and nothing that runs.
resource "google_artifact_registry_repository" "layers" {
  repository_id = "${google_artifact_registry_repository.images.repository_id}-cache"
  location      = var.region
  format        = "DOCKER"
  description   = "Layers of builds"
  cleanup_policies {
    id     = "delete-old-ones"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "1209600s"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "deployer" {
  for_each = {
    images = google_artifact_registry_repository.images.name
    layers = google_artifact_registry_repository.layers.name
  }
  location   = var.region
  repository = each.value
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.account["deployer"].member
}

resource "google_cloudbuild_trigger" "deploy" {
  count           = var.source_repository == null ? 0 : 1
  name            = "deploy"
  description     = "Builds and deploys what is pushed"
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.account["deployer"].id
  github {
    owner = var.source_repository.owner
    name  = var.source_repository.name
    push {
      branch = "^${var.source_repository.branch}$"
    }
  }
  # In production somebody says yes.
  approval_config {
    approval_required = var.environment == "production"
  }
  substitutions = {
    _REGION     = var.region
    _REPOSITORY = local.image_repository
  }
  depends_on = [google_project_service.api]
}

locals {
  # As the trigger does it, for those who have none.
  submit = join(" ", [
    "gcloud builds submit --project=${var.project_id} --region=${var.region} --config=cloudbuild.yaml",
    "--service-account=${google_service_account.account["deployer"].id} --gcs-source-staging-dir=${google_storage_bucket.sources.url}/builds",
    "--substitutions=COMMIT_SHA=$(git rev-parse HEAD),_REGION=${var.region},_REPOSITORY=${local.image_repository}",
  ])
  image_repository = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}
