# What must hold for the database, the network, images and what an environment may be.

mock_provider "google" {
  source = "./tests/mocks"
}

run "database_network_and_images" {
  command = plan

  # The database is private and kept.
  assert {
    condition = alltrue([
      google_sql_database_instance.db.settings[0].ip_configuration[0].ipv4_enabled == false,
      length(google_sql_database_instance.db.settings[0].ip_configuration[0].authorized_networks) == 0,
    ])
    error_message = "The database has no public address."
  }
  assert {
    condition = alltrue([
      google_sql_database_instance.db.settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY",
      google_sql_database_instance.db.settings[0].ip_configuration[0].server_ca_mode == "GOOGLE_MANAGED_INTERNAL_CA",
    ])
    error_message = "Connections are encrypted, and the programs check the instance's own authority."
  }
  assert {
    condition     = google_sql_database_instance.db.settings[0].edition == "ENTERPRISE"
    error_message = "The other edition has no small tiers."
  }
  assert {
    condition = alltrue([
      google_sql_database_instance.db.settings[0].backup_configuration[0].enabled,
      google_sql_database_instance.db.settings[0].backup_configuration[0].point_in_time_recovery_enabled,
    ])
    error_message = "What was verified must survive a mistake: backups, and any point in time."
  }
  assert {
    condition = alltrue([
      for settings in [local.settings["public-api"], local.settings["internal-verifier"], local.settings["migrate"]] :
      strcontains(settings.DATABASE_URL, "@${google_sql_database_instance.db.private_ip_address}/sourcerun?sslmode=require") && settings.DATABASE_CA == google_sql_database_instance.db.server_ca_cert[0].cert
    ])
    error_message = "Programs reach the database at its private address, encrypted, and check its authority."
  }

  # The database bears all connections.
  assert {
    # Two revisions at their full size, a connection that listens in each public-api, and ten for people.
    condition = 10 + 2 * (
      google_cloud_run_v2_service.public_api.template[0].scaling[0].max_instance_count * (1 + tonumber(one([for env in google_cloud_run_v2_service.public_api.template[0].containers[0].env : env.value if env.name == "DATABASE_CONNECTIONS"])))
      + google_cloud_run_v2_service.internal_verifier.template[0].scaling[0].max_instance_count * tonumber(one([for env in google_cloud_run_v2_service.internal_verifier.template[0].containers[0].env : env.value if env.name == "DATABASE_CONNECTIONS"]))
    ) <= tonumber(one([for flag in google_sql_database_instance.db.settings[0].database_flags : flag.value if flag.name == "max_connections"]))
    error_message = "max_connections must cover both services twice: without a connection a heartbeat is lost."
  }

  # Production is protected.
  assert {
    condition = var.environment != "production" || alltrue([
      google_sql_database_instance.db.deletion_protection,
      google_sql_database_instance.db.settings[0].deletion_protection_enabled,
      google_cloud_run_v2_service.public_api.deletion_protection,
      google_cloud_run_v2_service.internal_verifier.deletion_protection,
      !google_storage_bucket.compilers.force_destroy,
    ])
    error_message = "Production must be protected against deletion."
  }
  assert {
    condition     = var.environment != "production" || google_sql_database_instance.db.settings[0].availability_type == "REGIONAL"
    error_message = "Production's database must survive a zone."
  }
  assert {
    condition     = var.environment != "production" || google_cloudbuild_trigger.deploy[0].approval_config[0].approval_required
    error_message = "Somebody says yes before production changes."
  }

  # The network leads to the verifier.
  assert {
    condition     = google_compute_subnetwork.run.private_ip_google_access == true
    error_message = "Without private access, calls to run.app time out."
  }
  assert {
    condition = alltrue([
      google_dns_managed_zone.run_app.visibility == "private",
      google_dns_record_set.run_app.rrdatas == tolist(["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]),
    ])
    error_message = "run.app must be private.googleapis.com inside the network, or the verifier takes calls for foreign ones."
  }
  assert {
    condition = alltrue([
      for service in [google_cloud_run_v2_service.public_api, google_cloud_run_v2_service.internal_verifier] :
      service.template[0].vpc_access[0].egress == "PRIVATE_RANGES_ONLY" && service.template[0].vpc_access[0].network_interfaces[0].subnetwork == google_compute_subnetwork.run.id
    ])
    error_message = "Services reach into the network, and past it to the internet."
  }
  assert {
    condition     = local.settings["public-api"].VERIFIER_URL == "https://internal-verifier-${data.google_project.this.number}.${var.region}.run.app"
    error_message = "public-api must call the verifier's own address."
  }

  # Images stay what they are.
  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags == true
    error_message = "A tag must not move."
  }
  assert {
    condition     = toset([for policy in google_artifact_registry_repository.images.cleanup_policies : policy.action]) == toset(["KEEP", "DELETE"])
    error_message = "Old images are deleted, and the last ones are kept."
  }
  assert {
    condition     = google_cloudbuild_trigger.deploy[0].service_account == google_service_account.account["deployer"].id
    error_message = "A build must run as the deployer, not as the project's default account."
  }
}
