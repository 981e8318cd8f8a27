# Secrets are written and never read back: neither the state nor a plan has them. A version that was followed by another
# is kept, so that a revision from before can still be started; docs/runbook.md says when to destroy it.

resource "google_secret_manager_secret" "database_password" {
  for_each  = local.database_users
  secret_id = "database-password-${each.key}"
  replication {
    auto {}
  }
  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "database_password" {
  for_each               = local.database_users
  secret                 = google_secret_manager_secret.database_password[each.key].id
  secret_data_wo         = var.database_passwords[each.key]
  secret_data_wo_version = var.database_passwords_version
  deletion_policy        = "ABANDON"
}

resource "google_secret_manager_secret_iam_member" "database_password" {
  for_each  = local.database_users
  secret_id = google_secret_manager_secret.database_password[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.account[each.key].member
}

# Keys for nodes and explorers, each under the name of the setting that holds it.
resource "google_secret_manager_secret" "key" {
  for_each  = var.keys
  secret_id = each.key
  replication {
    auto {}
  }
  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "key" {
  for_each               = var.keys
  secret                 = google_secret_manager_secret.key[each.key].id
  secret_data_wo         = var.key_values[each.key]
  secret_data_wo_version = each.value.version
  deletion_policy        = "ABANDON"
}

resource "google_secret_manager_secret_iam_member" "key" {
  for_each = merge([
    for name, key in var.keys : { for reader in key.readers : "${name} ${reader}" => { name = name, reader = reader } }
  ]...)
  secret_id = google_secret_manager_secret.key[each.value.name].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.account[each.value.reader].member
}

# The chains are no secret, but only a secret can be mounted as a file that a new revision brings along.
resource "google_secret_manager_secret" "chains" {
  secret_id = "chains"
  replication {
    auto {}
  }
  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "chains" {
  secret = google_secret_manager_secret.chains.id
  # Without its spaces: a secret holds 64 KiB, and Sourcify's own file comes near.
  secret_data_wo = jsonencode(jsondecode(file(var.chains_file)))
  # Another number for another text.
  secret_data_wo_version = parseint(substr(filesha256(var.chains_file), 0, 7), 16)
  deletion_policy        = "ABANDON"
}

resource "google_secret_manager_secret_iam_member" "chains" {
  for_each  = local.services
  secret_id = google_secret_manager_secret.chains.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.account[each.key].member
}
