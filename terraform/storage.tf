# Prepared compilers: machine code, so one account writes it, and one reads it.

resource "google_storage_bucket" "compilers" {
  name                        = "${var.project_id}-compilers"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  # Folders are real and a file is renamed in one step, as those expect who see the bucket as a folder.
  hierarchical_namespace {
    enabled = true
  }
  depends_on = [google_project_service.api]
}

# The only ones who may, whoever else was given the right by hand.
resource "google_storage_bucket_iam_binding" "compilers_reader" {
  bucket  = google_storage_bucket.compilers.name
  role    = "roles/storage.objectViewer"
  members = [google_service_account.account["internal-verifier"].member]
}

resource "google_storage_bucket_iam_binding" "compilers_writer" {
  bucket  = google_storage_bucket.compilers.name
  role    = "roles/storage.objectUser"
  members = [google_service_account.account["prepare-compilers"].member]
}

# Sources of builds that a person submits. Without a bucket of our own they lie in one that the deployer may not read.
resource "google_storage_bucket" "sources" {
  name                        = "${var.project_id}-sources"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true
  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "Delete"
    }
  }
  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_binding" "sources_reader" {
  bucket  = google_storage_bucket.sources.name
  role    = "roles/storage.objectViewer"
  members = [google_service_account.account["deployer"].member]
}
