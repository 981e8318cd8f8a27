# What must hold for public-api, the way to it, and what is ordered of it.

mock_provider "google" {
  source = "./tests/mocks"
}

run "public_api" {
  command = plan

  # It goes on after the answer.
  assert {
    condition     = google_cloud_run_v2_service.public_api.template[0].containers[0].resources[0].cpu_idle == false
    error_message = "The call to the verifier follows the answer: without a processor it freezes."
  }
  assert {
    condition = alltrue([
      google_cloud_run_v2_service.public_api.scaling[0].min_instance_count >= 1,
      google_cloud_run_v2_service.public_api.template[0].scaling[0].min_instance_count == null,
    ])
    error_message = "One instance must always be there to sweep, and be said for the service, not for each revision."
  }
  assert {
    condition = alltrue([
      google_cloud_run_v2_service.public_api.template[0].containers[0].resources[0].startup_cpu_boost == true,
      length(google_cloud_run_v2_service.public_api.template[0].containers[0].startup_probe) == 1,
      length(google_cloud_run_v2_service.public_api.template[0].containers[0].liveness_probe) == 1,
    ])
    error_message = "A cold start is boosted, and a process that hangs is noticed."
  }
  assert {
    condition     = one([for env in google_cloud_run_v2_service.public_api.template[0].containers[0].env : env.value if env.name == "DISPATCHES_AT_ONCE"]) == tostring(google_cloud_run_v2_service.internal_verifier.template[0].scaling[0].max_instance_count * google_cloud_run_v2_service.internal_verifier.template[0].max_instance_request_concurrency)
    error_message = "DISPATCHES_AT_ONCE must be as many jobs as the verifier may run at once."
  }
  assert {
    # A body is some five times as large in memory; the rest is for the other half of the work.
    condition = alltrue([
      tonumber(local.settings["public-api"].BODIES_MEMORY_MIB) * 5 * 2 <= tonumber(trimsuffix(google_cloud_run_v2_service.public_api.template[0].containers[0].resources[0].limits["memory"], "Mi")),
      tonumber(local.settings["public-api"].BODIES_MEMORY_MIB) >= 30,
    ])
    error_message = "Bodies may take half of the memory at most, and the largest one has to fit."
  }

  # It is reached through the load balancer only.
  assert {
    condition     = google_cloud_run_v2_service.public_api.ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    error_message = "Clients come through the load balancer, and the scheduler from inside."
  }
  assert {
    condition     = local.settings["public-api"].TRUSTED_PROXIES == "2"
    error_message = "Two proxies stand in front: with another number clients cannot be told apart, or invent themselves."
  }
  assert {
    condition = alltrue([
      for path in ["/internal_api_", "/metrics"] : anytrue([
        for rule in google_compute_url_map.public.path_matcher[0].route_rules :
        rule.match_rules[0].prefix_match == path && rule.service == null && length(rule.url_redirect) == 1
      ])
    ])
    error_message = "The load balancer must lead nobody to internal routes."
  }
  assert {
    condition = anytrue([
      for rule in google_compute_security_policy.public.rule : rule.action == "deny(404)" && alltrue([
        for path in ["/internal_api_", "/metrics"] : strcontains(try(rule.match[0].expr[0].expression, ""), "request.path.urlDecode().startsWith('${path}')")
      ])
    ])
    error_message = "Internal routes must be refused, however their letters are written."
  }
  assert {
    condition     = anytrue([for rule in google_compute_security_policy.public.rule : try(rule.action == "throttle" && rule.rate_limit_options[0].enforce_on_key == "IP" && rule.rate_limit_options[0].exceed_action == "deny(429)", false)])
    error_message = "One address must not take everybody's turn."
  }
  assert {
    condition     = google_compute_backend_service.public_api.security_policy == google_compute_security_policy.public.id
    error_message = "The security policy must stand in front of public-api."
  }
  assert {
    condition = alltrue([
      google_compute_url_map.public.path_matcher[0].default_service == google_compute_backend_service.public_api.id,
      google_compute_url_map.public.default_url_redirect[0].host_redirect == var.domain,
    ])
    error_message = "Other hosts are sent to ours, and ours to public-api."
  }
  assert {
    condition = alltrue([
      google_compute_url_map.to_https.default_url_redirect[0].https_redirect == true,
      google_compute_ssl_policy.modern.min_tls_version == "TLS_1_2",
    ])
    error_message = "Nothing is said without encryption."
  }

  # Upkeep is ordered.
  assert {
    condition = alltrue([
      google_cloud_scheduler_job.sweep.schedule == "* * * * *",
      google_cloud_scheduler_job.sweep.retry_config[0].retry_count == 0,
      google_cloud_scheduler_job.sweep.attempt_deadline == "30s",
    ])
    error_message = "The sweep is ordered every minute, once."
  }
  assert {
    condition = alltrue([
      for job, path in { sweep = google_cloud_scheduler_job.sweep, expire = google_cloud_scheduler_job.expire } : alltrue([
        path.http_target[0].uri == "${google_cloud_run_v2_service.public_api.uri}/internal_api_${job}",
        path.http_target[0].http_method == "POST",
        path.http_target[0].oidc_token[0].audience == one([for env in google_cloud_run_v2_service.public_api.template[0].containers[0].env : env.value if env.name == "AUDIENCE"]),
        path.http_target[0].oidc_token[0].service_account_email == one([for env in google_cloud_run_v2_service.public_api.template[0].containers[0].env : env.value if env.name == "CALLER"]),
      ])
    ])
    error_message = "The scheduler's token must be the one that public-api asks for."
  }
  assert {
    condition     = google_cloud_run_v2_service.public_api.custom_audiences == tolist([local.settings["public-api"].AUDIENCE])
    error_message = "Cloud Run must know the audience that the scheduler names."
  }
  assert {
    condition     = local.settings["public-api"].CALLER == google_service_account.account["scheduler"].email
    error_message = "Only the scheduler may order upkeep."
  }
}

run "allusers_may_be_forbidden" {
  command = plan
  variables {
    public_access = "unchecked"
  }

  assert {
    condition = alltrue([
      length(google_cloud_run_v2_service_iam_member.everybody_may_call_public_api) == 0,
      google_cloud_run_v2_service.public_api.invoker_iam_disabled == true,
    ])
    error_message = "Where allUsers is forbidden, Cloud Run's check is switched off instead."
  }
}
