# Build: dependencies for the compiler, then only those that run.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

# Run: nothing but Node.js, the program and its few dependencies; no shell is needed.
FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="aicc-cti-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the CTI system indicators of Huawei AICC contact centers" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1
WORKDIR /app
COPY --from=build /app/package.json ./
COPY LICENSE config.example.yaml ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# Counters survive here when the directory is a volume: --storage.path=/data
RUN mkdir /data && chown node:node /data
USER node
EXPOSE 10122
# Healthy as soon as it listens; with TLS or another port, give your own check or none.
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:10122/-/healthy').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# Node.js as the first process gets the signals itself; main.js handles SIGTERM, SIGINT and SIGHUP.
# A small young generation and an eager collector keep the memory of many scrapes flat (docs/performance.md).
ENTRYPOINT ["node", "--max-semi-space-size=2", "--heap-growing-percent=30", "/app/dist/main.js"]
CMD ["--config.file=/etc/aicc-cti-exporter/config.yaml"]
