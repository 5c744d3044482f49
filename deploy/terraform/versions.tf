# Terraform 1.11 is the first with write-only arguments, which keep the database's password out of the state.
terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.0, < 9.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}
