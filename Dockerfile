# Build, on the machine's own architecture: the program is the same for all of them.
FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# What `--version` shows: --build-arg SOURCE_REVISION=$(git rev-parse HEAD). Without it the revision is "unknown".
ARG SOURCE_REVISION=unknown
ARG SOURCE_DATE_EPOCH
# What the program needs at run time, and its bill of materials: no compiler, no source maps, no types, no papers.
RUN npm run build \
 && npm prune --omit=dev --no-audit --no-fund \
 && npm sbom --omit=dev --package-lock-only --sbom-format=spdx > sbom.spdx.json \
 && find dist node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \
      -o -name '.tsbuildinfo' -o -name '.package-lock.json' \) -delete \
 && find node_modules -type f -name '*.md' -delete \
 && find node_modules -type d \( -name test -o -name tests -o -name docs -o -name example -o -name examples \) \
      -prune -exec rm -rf '{}' + \
 && find dist node_modules -type d -empty -delete

# Node.js for the architecture of the image, with the libraries that it links to and nothing else of its system.
FROM node:24-bookworm-slim AS runtime
RUN set -e; mkdir -p /root-fs/etc/ssl/certs /root-fs/data /root-fs/tmp; \
    cp --parents /usr/local/bin/node /root-fs; \
    for library in $(ldd /usr/local/bin/node | grep -o '/[^ ]*'); do cp --parents -L "$library" /root-fs; done; \
    node -p "require('tls').rootCertificates.join('\n')" > /root-fs/etc/ssl/certs/ca-certificates.crt; \
    echo 'node:x:1000:1000::/:/sbin/nologin' > /root-fs/etc/passwd; \
    echo 'node:x:1000:' > /root-fs/etc/group; \
    echo 'hosts: files dns' > /root-fs/etc/nsswitch.conf; \
    chown 1000:1000 /root-fs/data; chmod 1777 /root-fs/tmp

# The image: no shell, no package manager.
FROM scratch
LABEL org.opencontainers.image.title="aicc-cti-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the CTI system indicators of Huawei AICC contact centers" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/usr/local/bin \
    NODE_ENV=production \
    MALLOC_ARENA_MAX=2
COPY --from=runtime /root-fs /
WORKDIR /app
COPY LICENSE config.example.yaml web-config.example.yaml ./
COPY --from=build /app/package.json /app/sbom.spdx.json ./
COPY --from=build /app/scripts/demo-config.yaml ./scripts/
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# Counters survive here when the directory is a volume: --storage.path=/data
USER 1000:1000
EXPOSE 10122
# Reads the flags of process 1: another port, TLS and users are fine.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "/app/dist/main.js", "healthcheck"]
# Node.js as the first process gets the signals itself; the program handles SIGTERM, SIGINT and SIGHUP.
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["--config.file=/etc/aicc-cti-exporter/config.yaml"]
