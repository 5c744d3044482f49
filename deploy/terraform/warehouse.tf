# The dataset alone: table and views are `whatif sql install --dataset PROJECT.DATASET`, which knows their columns, makes
# only legal additions to them, and may be run again by every version.
resource "google_bigquery_dataset" "whatif" {
  dataset_id                 = replace(var.name, "-", "_")
  location                   = var.location
  description                = "Results of what-if simulations: table variant_results and its views"
  labels                     = var.labels
  delete_contents_on_destroy = !var.deletion_protection
  max_time_travel_hours      = 168

  depends_on = [google_project_service.used]
}
