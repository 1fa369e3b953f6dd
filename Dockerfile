# One image per app: docker build --build-arg APP=profile-service . (with GROUP=examples, of an example)

# Nothing but what decides about dependencies: the stages that install them stay cached while sources change.
FROM node:24-slim AS packages
WORKDIR /freshet
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete

FROM node:24-slim AS build
WORKDIR /freshet
COPY --from=packages /freshet ./
# The compiler needs no platform's binaries, PostgreSQL's 100 MB among them.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=optional --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs \
 && rm -rf node_modules */*/node_modules libs/*/src apps/*/src examples/*/src \
 && find libs apps examples -type f \( -name '*.d.ts' -o -name '*.d.ts.map' -o -name '.tsbuildinfo' -o -name 'tsconfig.json' \) -delete

FROM node:24-slim AS dependencies
WORKDIR /freshet
COPY --from=packages /freshet ./
ARG APP
ARG GROUP=apps
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev --workspace "$GROUP/$APP" --no-audit --no-fund

FROM node:24-slim
ARG APP
ARG GROUP=apps
ENV NODE_ENV=production
# The ports of a container are closed to all but its networks, unless they are published.
ENV LISTEN_HOST=0.0.0.0
WORKDIR /freshet
COPY --from=dependencies /freshet ./
COPY --from=build /freshet/libs libs
COPY --from=build /freshet/$GROUP/$APP $GROUP/$APP
# By number, so that Kubernetes can tell that it is not root; it is `node` of the base image.
USER 1000:1000
WORKDIR /freshet/$GROUP/$APP
CMD ["node", "--enable-source-maps", "dist/main.js"]
