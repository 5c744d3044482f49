# The launcher's store: PostgreSQL on a private address.

resource "google_compute_global_address" "services" {
  count         = var.create_private_services_access ? 1 : 0
  name          = "${var.name}-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = var.network
}

resource "google_service_networking_connection" "services" {
  count                   = var.create_private_services_access ? 1 : 0
  network                 = var.network
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services[0].name]

  depends_on = [google_project_service.used]
}

resource "google_sql_database_instance" "store" {
  name                = "${var.name}-store"
  database_version    = "POSTGRES_17"
  region              = var.region
  deletion_protection = var.deletion_protection

  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.database_tier
    availability_type           = var.database_availability
    disk_type                   = "PD_SSD"
    disk_size                   = 20
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = var.labels

    # What was acknowledged is durable: a backup a day, and the log between them to restore to any second of a week.
    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = 14
      }
    }
    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }
    maintenance_window {
      day          = 7
      hour         = 3
      update_track = "stable"
    }
    insights_config {
      query_insights_enabled = true
    }
  }

  depends_on = [google_service_networking_connection.services, google_project_service.used]
}

resource "google_sql_database" "whatif" {
  name     = "whatif"
  instance = google_sql_database_instance.store.name
}

resource "google_sql_user" "launcher" {
  name                = "whatif"
  instance            = google_sql_database_instance.store.name
  password_wo         = var.database_password
  password_wo_version = var.database_password_version
}

# WHATIF_STORE, whole: the launcher takes an address with a password from the environment only.
resource "google_secret_manager_secret" "store" {
  secret_id = "${var.name}-store"
  labels    = var.labels
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.used]
}

resource "google_secret_manager_secret_version" "store" {
  secret                 = google_secret_manager_secret.store.id
  secret_data_wo         = "postgres://${google_sql_user.launcher.name}:${var.database_password}@${google_sql_database_instance.store.private_ip_address}/${google_sql_database.whatif.name}?sslmode=require"
  secret_data_wo_version = var.database_password_version
}
