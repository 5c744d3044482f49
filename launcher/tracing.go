package launcher

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// tracing makes a span of each request and sends them where OpenTelemetry's own environment variables say;
// without an endpoint there it does nothing. The exporter reads all of them, so that we do not.
func tracing(ctx context.Context, version string) (through func(http.Handler) http.Handler, stop func(context.Context) error, err error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("launcher: OpenTelemetry: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", "whatif-launcher"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("launcher: OpenTelemetry: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	instrument := otelhttp.NewMiddleware("launcher", otelhttp.WithTracerProvider(provider),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})))
	return func(next http.Handler) http.Handler { return instrument(named(next)) }, provider.Shutdown, nil
}

// named gives a request's span the name of its route, which is known once it was found: addresses with ids
// in them would all be names of their own.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if route := chi.RouteContext(r.Context()); route != nil {
			span := oteltrace.SpanFromContext(r.Context())
			span.SetName(r.Method + " " + route.RoutePattern())
			span.SetAttributes(attribute.String("http.route", route.RoutePattern()), attribute.String("request.id", w.Header().Get("X-Request-Id")))
		}
	})
}
