output "results" {
  description = "--results of the launcher and of every command that reads results."
  value       = google_storage_bucket.results.url
}

output "inputs" {
  description = "--input-root of the launcher: where snapshots and campaigns are put."
  value       = google_storage_bucket.inputs.url
}

output "staging" {
  description = "Where Dataflow's jobs are staged."
  value       = google_storage_bucket.staging.url
}

output "dataset" {
  description = "--dataset of `whatif sql install` and `whatif load`."
  value       = "${var.project}.${google_bigquery_dataset.whatif.dataset_id}"
}

output "images" {
  description = "Prefix of the images' names, for docker push and the manifests."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "launcher_account" {
  description = "Service account of the launcher."
  value       = google_service_account.launcher.email
}

output "worker_account" {
  description = "Service account of Dataflow's workers."
  value       = google_service_account.worker.email
}

output "reader_account" {
  description = "Service account for Looker and notebooks."
  value       = google_service_account.reader.email
}

output "store_secret" {
  description = "Secret with the launcher's store (WHATIF_STORE)."
  value       = google_secret_manager_secret.store.secret_id
}
