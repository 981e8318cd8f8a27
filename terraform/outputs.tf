output "address" {
  description = "Where the domain's A record has to point."
  value       = google_compute_global_address.public.address
}

output "public_url" {
  description = "The API, for everybody."
  value       = "https://${var.domain}"
}

output "service_urls" {
  description = "The services' own addresses; neither answers from outside."
  value       = { public-api = local.public_url, internal-verifier = local.verifier_url }
}

output "image_repository" {
  description = "Where images are pushed."
  value       = local.image_repository
}

output "database" {
  description = "The instance, as `gcloud sql` calls it, and its private address."
  value       = { instance = google_sql_database_instance.db.name, address = google_sql_database_instance.db.private_ip_address }
}

output "next_steps" {
  description = "What Terraform does not do."
  value       = <<-E
    1. An A record: ${var.domain} -> ${google_compute_global_address.public.address}. The certificate follows within an hour.
    2. ${var.source_repository == null ? "The first build, from a checkout, since no trigger was made (source_repository): ${local.submit}" : "The first build: gcloud builds triggers run deploy --project=${var.project_id} --region=${var.region} --branch=${var.source_repository.branch}"}
    3. https://${var.domain}/ready
  E
}
