# What Google would compute, as far as a rule compares it.

mock_resource "google_sql_database_instance" {
  override_during = plan
  defaults = {
    private_ip_address = "10.0.0.3"
    server_ca_cert     = [{ cert = "PEM", common_name = "", create_time = "", expiration_time = "", sha1_fingerprint = "" }]
  }
}

mock_resource "google_compute_security_policy" {
  override_during = plan
  defaults        = { id = "the-security-policy" }
}

mock_resource "google_compute_backend_service" {
  override_during = plan
  defaults        = { id = "the-backend" }
}

mock_resource "google_compute_subnetwork" {
  override_during = plan
  defaults        = { id = "the-subnet" }
}

mock_resource "google_cloud_run_v2_service" {
  override_during = plan
  defaults        = { uri = "https://a-service" }
}

# Accounts are told apart.

override_resource {
  target          = google_service_account.account["public-api"]
  override_during = plan
  values          = { email = "public-api@demo", member = "serviceAccount:public-api@demo", id = "public-api@demo" }
}

override_resource {
  target          = google_service_account.account["internal-verifier"]
  override_during = plan
  values          = { email = "internal-verifier@demo", member = "serviceAccount:internal-verifier@demo", id = "internal-verifier@demo" }
}

override_resource {
  target          = google_service_account.account["migrate"]
  override_during = plan
  values          = { email = "migrate@demo", member = "serviceAccount:migrate@demo", id = "migrate@demo" }
}

override_resource {
  target          = google_service_account.account["prepare-compilers"]
  override_during = plan
  values          = { email = "prepare-compilers@demo", member = "serviceAccount:prepare-compilers@demo", id = "prepare-compilers@demo" }
}

override_resource {
  target          = google_service_account.account["scheduler"]
  override_during = plan
  values          = { email = "scheduler@demo", member = "serviceAccount:scheduler@demo", id = "scheduler@demo" }
}

override_resource {
  target          = google_service_account.account["deployer"]
  override_during = plan
  values          = { email = "deployer@demo", member = "serviceAccount:deployer@demo", id = "deployer@demo" }
}
