package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

func (s *server) routeLinks() {
	route(s, huma.Operation{
		OperationID: "create-link", Method: http.MethodPost, Path: "/v1/links", Tags: []string{"links"}, DefaultStatus: http.StatusCreated,
		Summary: "Make a short link to a page or view of this launcher",
		Description: "Who opens the link needs a key for what it leads to. Without an `alias` its key can't be guessed (80 bits); an alias is for whoever " +
			"comes first, and can be guessed.",
	}, access.ScopeSubmit, []code{conflict, malformedBody, requestTimeout, bodyTooLarge, unsupportedMediaType}, s.createLink)
	public(s, huma.Operation{
		OperationID: "follow-link", Method: http.MethodGet, Path: "/s/{key}", Tags: []string{"links"}, DefaultStatus: http.StatusFound,
		Summary: "Follow a short link", Metadata: map[string]any{metaAccepts: []string{"*/*"}},
	}, []code{notFound, gone}, s.followLink)
}

const linkKeyBytes = 10 // 80 bits

// alias is what a link may be called: nothing that needs escaping, and too short or long for none.
var alias = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{2,63}$`)

type createLinkInput struct{ Body wire.LinkRequest }

func (s *server) createLink(ctx context.Context, in *createLinkInput) (*answer[wire.Link], error) {
	target, err := ownPath(in.Body.Target)
	if err != nil {
		return nil, field("body", "target", "%v", err)
	}
	now := s.Now()
	if in.Body.ExpiresAt != nil && !in.Body.ExpiresAt.After(now) {
		return nil, field("body", "expires_at", "is in the past")
	}
	key := in.Body.Alias
	if key == "" {
		if key, err = s.randomName(linkKeyBytes); err != nil {
			return nil, err
		}
	} else if !alias.MatchString(key) {
		return nil, field("body", "alias", "has 3 to 64 lower-case letters, digits and hyphens, the first no hyphen")
	}
	c := callOf(ctx)
	l, err := s.Store.CreateLink(ctx, store.Link{
		Key: key, Tenant: c.caller.Tenant, Target: target, CreatedBy: c.name(), CreatedAt: now.UTC(), ExpiresAt: utc(in.Body.ExpiresAt),
	})
	if err != nil {
		return nil, err
	}
	return &answer[wire.Link]{linkOf(l)}, nil
}

// ownPath is a path and query of this launcher as a browser will take it: nothing that it could read as
// another host, and no way out by dots. Links may not lead to links.
func ownPath(target string) (string, error) {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return "", errors.New("is no path and query of a URL") // why is in the words of the parser
	case u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil || !strings.HasPrefix(target, "/"):
		return "", errors.New("leads elsewhere; give a path of this launcher, such as /simulations/20260701-abcdefgh23")
	case strings.Contains(target, "\\") || strings.ContainsFunc(target+u.Path, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "", errors.New("has characters that a path can't have")
	case path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/":
		return "", errors.New("has empty or dotted segments")
	}
	for _, prefix := range []string{"/simulations/", "/v1/simulations/", "/docs/"} {
		if strings.HasPrefix(u.Path, prefix) {
			return u.String(), nil
		}
	}
	if slices.Contains([]string{"/", "/docs", "/v1/feed"}, u.Path) {
		return u.String(), nil
	}
	return "", errors.New("is no page or view: those are /, /simulations/.., /v1/simulations/.., /v1/feed and /docs")
}

type followLinkInput struct {
	Key string `path:"key" maxLength:"100"`
}

type followLinkOutput struct {
	Location string `header:"Location"`
}

func (s *server) followLink(ctx context.Context, in *followLinkInput) (*followLinkOutput, error) {
	l, err := s.Store.VisitLink(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	return &followLinkOutput{l.Target}, nil
}
