package main

import (
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/plugin"
	"github.com/hashicorp/terraform-provider-google/google/registry"
	_ "github.com/hashicorp/terraform-provider-google/google/services/artifactregistry"
	_ "github.com/hashicorp/terraform-provider-google/google/services/bigquery"
	_ "github.com/hashicorp/terraform-provider-google/google/services/resourcemanager"
	_ "github.com/hashicorp/terraform-provider-google/google/services/secretmanager"
	_ "github.com/hashicorp/terraform-provider-google/google/services/servicenetworking"
	_ "github.com/hashicorp/terraform-provider-google/google/services/sql"
	_ "github.com/hashicorp/terraform-provider-google/google/services/storage"
)

func main() {
	text := func() *schema.Schema { return &schema.Schema{Type: schema.TypeString, Optional: true} }
	plugin.Serve(&plugin.ServeOpts{ProviderFunc: func() *schema.Provider {
		return &schema.Provider{
			Schema:         map[string]*schema.Schema{"project": text(), "region": text(), "zone": text()},
			ResourcesMap:   registry.ResourceMap(),
			DataSourcesMap: registry.DatasourceMap(),
		}
	}})
}
