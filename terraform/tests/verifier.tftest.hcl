# What must hold for internal-verifier, whatever the sizes are.

mock_provider "google" {
  source = "./tests/mocks"
}

run "verifier" {
  command = plan

  # Nobody else reaches it.
  assert {
    condition     = google_cloud_run_v2_service.internal_verifier.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    error_message = "The verifier must not be reachable from the internet."
  }
  assert {
    condition = alltrue([
      google_cloud_run_v2_service_iam_binding.verifier_invoker.name == google_cloud_run_v2_service.internal_verifier.name,
      google_cloud_run_v2_service_iam_binding.verifier_invoker.role == "roles/run.invoker",
    ])
    error_message = "Who may call the verifier must be said for the verifier."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_binding.verifier_invoker.members == toset([google_service_account.account["public-api"].member])
    error_message = "Nobody but public-api may call the verifier."
  }
  assert {
    condition     = google_cloud_run_v2_service.internal_verifier.invoker_iam_disabled != true
    error_message = "Cloud Run must check who calls the verifier."
  }
  assert {
    condition = alltrue([
      google_cloud_run_v2_service.internal_verifier.custom_audiences == tolist([local.settings["internal-verifier"].AUDIENCE]),
      local.settings["internal-verifier"].AUDIENCE == local.settings["public-api"].VERIFIER_AUDIENCE,
      local.settings["internal-verifier"].AUDIENCE != local.settings["public-api"].AUDIENCE,
    ])
    error_message = "Tokens are for the verifier, and not good for public-api."
  }
  assert {
    condition     = local.settings["internal-verifier"].CALLER == google_service_account.account["public-api"].email
    error_message = "The verifier itself must ask for public-api's token."
  }

  # An instance does one job.
  assert {
    condition     = google_cloud_run_v2_service.internal_verifier.template[0].max_instance_request_concurrency == 1
    error_message = "One job for each instance: running out of memory must end one only."
  }
  assert {
    condition     = one([for env in google_cloud_run_v2_service.internal_verifier.template[0].containers[0].env : env.value if env.name == "JOBS_AT_ONCE"]) == tostring(google_cloud_run_v2_service.internal_verifier.template[0].max_instance_request_concurrency)
    error_message = "JOBS_AT_ONCE must be what Cloud Run sends at once."
  }
  assert {
    condition     = google_cloud_run_v2_service.internal_verifier.template[0].containers[0].resources[0].cpu_idle == true
    error_message = "All work is inside the request; a processor beside it is paid for nothing."
  }
  assert {
    condition = alltrue([
      google_cloud_run_v2_service.internal_verifier.scaling[0].min_instance_count == 0,
      google_cloud_run_v2_service.internal_verifier.template[0].scaling[0].min_instance_count == null,
    ])
    error_message = "Without jobs the verifier scales to zero; a minimum in the template is paid for each revision with a tag."
  }
  assert {
    condition     = google_cloud_run_v2_service.internal_verifier.template[0].execution_environment == "EXECUTION_ENVIRONMENT_GEN2"
    error_message = "The walls around compilers take the second generation's kernel."
  }
  assert {
    condition = alltrue([
      google_cloud_run_v2_service.internal_verifier.template[0].containers[0].resources[0].startup_cpu_boost == true,
      length(google_cloud_run_v2_service.internal_verifier.template[0].containers[0].startup_probe) == 1,
      length(google_cloud_run_v2_service.internal_verifier.template[0].containers[0].liveness_probe) == 1,
    ])
    error_message = "A cold start is boosted, and a process that hangs is noticed."
  }

  # Limits stand in their order.
  assert {
    condition = alltrue([
      google_cloud_run_v2_service.internal_verifier.template[0].timeout == "${tonumber(local.settings["internal-verifier"].REQUEST_TIMEOUT_MS) / 1000}s",
      local.settings["internal-verifier"].REQUEST_TIMEOUT_MS == local.settings["public-api"].REQUEST_TIMEOUT_MS,
    ])
    error_message = "Both programs must know the platform's limit for a request to the verifier."
  }
  assert {
    # The heartbeat of ten seconds is added to the job's.
    condition     = tonumber(local.settings["internal-verifier"].JOB_DEADLINE_MS) + 10000 < tonumber(local.settings["internal-verifier"].REQUEST_TIMEOUT_MS)
    error_message = "A job must end itself before the platform answers 504."
  }
  assert {
    condition     = tonumber(local.settings["public-api"].REQUEST_TIMEOUT_MS) < tonumber(local.settings["public-api"].DISPATCH_TIMEOUT_MS)
    error_message = "public-api must see the platform's answer, not its own limit."
  }

  # Compilers are only read.
  assert {
    condition     = one([for volume in google_cloud_run_v2_service.internal_verifier.template[0].volumes : volume.gcs[0].read_only if volume.name == "compilers"]) == true
    error_message = "Whoever runs compilers must not be able to change them."
  }
  assert {
    condition     = google_storage_bucket_iam_binding.compilers_writer.members == toset([google_service_account.account["prepare-compilers"].member])
    error_message = "Only the job that prepares compilers may write them."
  }
  assert {
    condition     = local.settings["internal-verifier"].COMPILER_FETCH == "false"
    error_message = "Nothing is prepared while a job waits."
  }
  assert {
    condition     = tonumber(local.settings["internal-verifier"].COMPILER_CACHE_MIB) >= 128 && tonumber(local.settings["internal-verifier"].COMPILER_CACHE_MIB) + var.verifier.concurrency * (var.verifier.compiler_memory_mib + 512) <= var.verifier.memory_mib
    error_message = "Copies of compilers must leave every job its compiler and 512 MiB: files are memory here."
  }
  assert {
    condition     = one([for mount in google_cloud_run_v2_service.internal_verifier.template[0].containers[0].volume_mounts : mount.mount_path if mount.name == "compilers"]) == local.settings["internal-verifier"].COMPILER_STORE
    error_message = "COMPILER_STORE must be where the bucket is mounted."
  }
  assert {
    condition     = length(setintersection(toset([for env in google_cloud_run_v2_job.prepare_compilers.template[0].template[0].containers[0].env : env.name]), ["DATABASE_URL", "DATABASE_PASSWORD"])) == 0
    error_message = "The job that fetches from the internet must not know the database."
  }
}
