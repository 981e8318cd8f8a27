# Values that must be refused before anything is changed.

mock_provider "google" {
  source = "./tests/mocks"
}

run "production_without_protection" {
  command = plan
  variables {
    environment         = "production"
    deletion_protection = false
    database            = { regional = false }
  }
  expect_failures = [var.deletion_protection, var.database]
}

run "more_than_fits" {
  command = plan
  variables {
    # More compilers than the memory holds, and no instance that sweeps.
    verifier     = { concurrency = 80 }
    public_api   = { min_instances = 0 }
    alert_emails = []
    chains_file  = "production.tfvars"
  }
  expect_failures = [var.verifier, var.public_api, var.alert_emails, var.chains_file]
}

run "longer_and_shorter_than_possible" {
  command = plan
  variables {
    # A job longer than any request, and too little memory for a processor that stays.
    verifier           = { job_deadline_s = 3600 }
    public_api         = { memory_mib = 256 }
    database_passwords = { public-api = "short", internal-verifier = "short", migrate = "short" }
    keys               = { NODE_API_KEY = { version = 1 }, KEY_WITHOUT_VALUE = { version = 1 } }
  }
  expect_failures = [var.verifier, var.public_api, var.database_passwords, var.key_values]
}

run "more_memory_than_the_platform_gives_a_processor" {
  command = plan
  variables {
    verifier = { cpu = 1, memory_mib = 8192 }
  }
  expect_failures = [var.verifier]
}

run "an_engine_that_is_not_in_the_image" {
  command = plan
  variables {
    verifier = { engines = "wasm,node" }
  }
  expect_failures = [var.verifier]
}

run "more_instances_than_the_database_and_the_network_bear" {
  command = plan
  variables {
    database   = { tier = "db-custom-1-3840" }
    public_api = { max_instances = 10 }
    verifier   = { max_instances = 60 }
  }
  expect_failures = [google_sql_database_instance.db, google_compute_subnetwork.run]
}
