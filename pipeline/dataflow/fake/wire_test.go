package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/api/option"
)

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func client(t *testing.T, s *Server) *df.ProjectsLocationsJobsService {
	t.Helper()
	service, err := df.NewService(t.Context(), option.WithEndpoint(s.URL()), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return service.Projects.Locations.Jobs
}

func post(t *testing.T, s *Server, job *df.Job) *df.Job {
	t.Helper()
	made, err := client(t, s).Create("p", "r", job).Do()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func put(t *testing.T, s *Server, id, state string) {
	t.Helper()
	if _, err := client(t, s).Update("p", "r", id, &df.Job{RequestedState: state}).Do(); err != nil {
		t.Fatal(err)
	}
}
