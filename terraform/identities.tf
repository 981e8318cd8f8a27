# One account for each program, and for each only what it needs. What a single thing grants stands with that thing.

locals {
  accounts = {
    public-api        = "Answers clients and calls the verifier"
    internal-verifier = "Compiles, compares and records"
    migrate           = "Changes the database's schema"
    prepare-compilers = "Writes prepared compilers"
    scheduler         = "Orders upkeep, and new compilers"
    deployer          = "Builds and deploys"
  }

  services = toset(["public-api", "internal-verifier"])
}

resource "google_service_account" "account" {
  for_each     = local.accounts
  account_id   = each.key
  display_name = each.value
  depends_on   = [google_project_service.api]
}

# Traces and metrics are sent directly; the second role lets the project be billed for that.
resource "google_project_iam_member" "telemetry" {
  for_each = {
    for pair in setproduct(local.services, ["roles/telemetry.writer", "roles/serviceusage.serviceUsageConsumer"]) :
    "${pair[0]} ${pair[1]}" => { account = pair[0], role = pair[1] }
  }
  project = var.project_id
  role    = each.value.role
  member  = google_service_account.account[each.value.account].member
}

# Writes its own log, and reads the services' to judge a new revision. The rights to change something are given on single
# services and jobs, in services.tf and jobs.tf.
resource "google_project_iam_member" "deployer" {
  for_each = toset(["roles/logging.logWriter", "roles/logging.viewer", "roles/run.viewer"])
  project  = var.project_id
  role     = each.key
  member   = google_service_account.account["deployer"].member
}

# A deployment names the accounts that run; that takes the right to act as them.
resource "google_service_account_iam_member" "deployer" {
  for_each           = toset(["public-api", "internal-verifier", "migrate", "prepare-compilers"])
  service_account_id = google_service_account.account[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.account["deployer"].member
}
