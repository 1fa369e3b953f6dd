# One image per app: docker build --build-arg APP=profile-service .

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
 && rm -rf node_modules libs/*/node_modules apps/*/node_modules libs/*/src apps/*/src \
 && find libs apps -type f \( -name '*.d.ts' -o -name '*.d.ts.map' -o -name '.tsbuildinfo' -o -name 'tsconfig.json' \) -delete

FROM node:24-slim AS dependencies
WORKDIR /freshet
COPY --from=packages /freshet ./
ARG APP
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev --workspace "apps/$APP" --no-audit --no-fund

FROM node:24-slim
ARG APP
ENV NODE_ENV=production
WORKDIR /freshet
COPY --from=dependencies /freshet ./
COPY --from=build /freshet/libs libs
COPY --from=build /freshet/apps/$APP apps/$APP
# By number, so that Kubernetes can tell that it is not root; it is `node` of the base image.
USER 1000:1000
WORKDIR /freshet/apps/$APP
CMD ["node", "--enable-source-maps", "dist/main.js"]
