# The What-If Machine as two images, from one file:
#
#   docker build --target launcher -t whatif        --build-arg VERSION="$(git describe --tags --always)" .
#   docker build --target worker   -t whatif-worker --build-arg VERSION="$(git describe --tags --always)" .
#
#   launcher   the whole command; `serve` by default, any other by name (`docker run whatif demo /data/demo`)
#   worker     what runs on a cluster: Beam's own boot as the entry point (Dataflow, by sdk_container_image), and
#              `whatif-worker pool` beside each task manager of Flink (docs/flink.md)
#
# Both run as user 65532 on images with no shell and no package manager. What is compiled, and how, stands in
# .ci/compile; the checks of the project read this file and carry it out step by step, so it is not only words.
#
# Reproducible: the same source, VERSION and base images give the same files. Tags of base images move; a build that
# must be the same for good names them by digest: --build-arg BASE=gcr.io/distroless/static-debian12@sha256:..
ARG GOLANG=golang:1.26.8-bookworm
ARG BASE=gcr.io/distroless/static-debian12:nonroot

# The launcher is compiled on the platform it is for: DuckDB needs a C++ compiler of that platform.
FROM ${GOLANG} AS build-launcher
WORKDIR /src
COPY . .
ARG VERSION=devel
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    .ci/compile whatif /out/whatif && mkdir /out/data

# The worker is compiled on the platform of the build, for the one it is for.
FROM --platform=${BUILDPLATFORM} ${GOLANG} AS build-worker
WORKDIR /src
COPY . .
ARG VERSION=devel
ARG TARGETOS=linux
ARG TARGETARCH=amd64
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=${TARGETOS} GOARCH=${TARGETARCH} .ci/compile whatif-worker /out/whatif-worker && \
    GOOS=${TARGETOS} GOARCH=${TARGETARCH} .ci/compile boot /out/boot && \
    GOOS=linux GOARCH=amd64 .ci/compile whatif-worker /out/dataflow/whatif-worker

# Both programs are static: certificates, time zones and a user are all that they need of an image.
FROM ${BASE} AS launcher
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="whatif" \
      org.opencontainers.image.description="What-if simulation of ads inventory: the launcher and every command" \
      org.opencontainers.image.source="https://github.com/whatif-machine/whatif" \
      org.opencontainers.image.documentation="https://github.com/whatif-machine/whatif/blob/main/docs/operations.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY LICENSE /licenses/whatif/LICENSE
COPY --from=build-launcher /out/whatif /usr/local/bin/whatif
# What a job on Dataflow runs is looked for beside the command, and runs there on linux/amd64 whatever this image is for.
COPY --from=build-worker /out/dataflow/whatif-worker /usr/local/bin/whatif-worker
COPY --from=build-launcher --chown=65532:65532 /out/data /data
# On all addresses the launcher starts only once there is a key: docker run .. whatif keys create --name me
ENV WHATIF_LISTEN=0.0.0.0:8080 \
    WHATIF_RESULTS=/data/results \
    XDG_CACHE_HOME=/data/cache \
    WHATIF_LOG_FORMAT=json
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/whatif", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/whatif"]
CMD ["serve"]

FROM ${BASE} AS worker
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="whatif-worker" \
      org.opencontainers.image.description="Worker of what-if simulations on Apache Beam's runners" \
      org.opencontainers.image.source="https://github.com/whatif-machine/whatif" \
      org.opencontainers.image.documentation="https://github.com/whatif-machine/whatif/blob/main/docs/operations.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY LICENSE /licenses/whatif/LICENSE
COPY --from=build-worker /out/boot /opt/apache/beam/boot
COPY --from=build-worker /out/whatif-worker /usr/local/bin/whatif-worker
USER 65532:65532
# A worker answers to its runner, which sees by Beam's own control connection whether it lives.
HEALTHCHECK NONE
ENTRYPOINT ["/opt/apache/beam/boot"]
