# The portal as one static binary on an image that holds nothing else: no shell,
# no package manager, an ordinary user. The same image runs long publishes as a
# task (`etlportal finalize --run`).
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t etlportal:local .
#
# With --platform for another processor, the machine that builds still runs its
# own programs, and Go compiles for the other. (BuildKit sets the two platforms.)

# Node builds the web UI; `make build` knows how.
FROM --platform=$BUILDPLATFORM node:24.11.1-bookworm-slim AS node

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
WORKDIR /src
# Modules change less often than the code, and keep their layer.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=container
ARG TARGETARCH
RUN GOOS=linux GOARCH="$TARGETARCH" make build VERSION="$VERSION" && mkdir -p /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /src/bin/etlportal /etlportal
# A named volume takes over the owner of the directory that it covers.
COPY --from=build --chown=65532:65532 /data /var/lib/etlportal
# That callers show a token is no secret, though the name sounds like one.
# hadolint ignore=DL3064
ENV ETLPORTAL_DATA_DIR=/var/lib/etlportal \
    ETLPORTAL_LISTEN=0.0.0.0:8080 \
    ETLPORTAL_REQUIRE_TOKEN=true
USER 65532:65532
EXPOSE 8080
VOLUME ["/var/lib/etlportal"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/etlportal", "healthcheck"]
ENTRYPOINT ["/etlportal"]
CMD ["serve"]
