locals {
  # One for each program: public-api writes rows of jobs only, the verifier results, and migrate owns the schema.
  database_users = toset(["public-api", "internal-verifier", "migrate"])
}

resource "google_sql_database_instance" "db" {
  name                = var.database.name
  database_version    = var.database.version
  deletion_protection = var.deletion_protection
  depends_on          = [google_service_networking_connection.database]

  settings {
    # From Postgres 16 on the default is another one, which has no small tiers.
    edition           = "ENTERPRISE"
    tier              = var.database.tier
    availability_type = var.database.regional ? "REGIONAL" : "ZONAL"
    disk_type         = "PD_SSD"
    disk_size         = var.database.disk_gib
    disk_autoresize   = true
    # The other protection holds for Terraform; this one for everybody.
    deletion_protection_enabled = var.deletion_protection

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = var.database.backups_kept
      }
    }

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.vpc.id
      ssl_mode        = "ENCRYPTED_ONLY"
      # One for this instance alone: the programs trust nothing else.
      server_ca_mode = "GOOGLE_MANAGED_INTERNAL_CA"
    }

    database_flags {
      name  = "max_connections"
      value = tostring(local.max_connections)
    }

    maintenance_window {
      day          = 7
      hour         = 3
      update_track = "stable"
    }

    # Which statements take the time. Their parameters are not recorded.
    insights_config {
      query_insights_enabled  = true
      record_application_tags = true
    }
  }

  lifecycle {
    # It grows by itself.
    ignore_changes = [settings[0].disk_size]
    precondition {
      # Ten MiB is what a connection with sorts and plans was allowed for; half is left to the cache.
      condition     = local.max_connections * 10 <= tonumber(split("-", var.database.tier)[3]) / 2
      error_message = "database.tier: ${local.max_connections} connections do not fit into half of its memory; take a larger one, or fewer instances."
    }
  }
}

resource "google_sql_database" "sourcerun" {
  name     = "sourcerun"
  instance = google_sql_database_instance.db.name
  # Postgres drops no database that somebody is connected to: it goes with its instance.
  deletion_policy = "ABANDON"
}

resource "google_sql_user" "user" {
  for_each            = local.database_users
  name                = each.key
  instance            = google_sql_database_instance.db.name
  password_wo         = var.database_passwords[each.key]
  password_wo_version = var.database_passwords_version
  # Who owns tables cannot be dropped: it goes with its instance, too.
  deletion_policy = "ABANDON"
}
