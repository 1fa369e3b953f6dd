import rateLimit from "@fastify/rate-limit";
import { type NestFastifyApplication } from "@nestjs/platform-fastify";
import { tooManyRequests } from "./problem.ts";

/** Refuses what an address asks for beyond this many requests a minute; each replica counts for itself. */
export async function limitRate(app: NestFastifyApplication, requestsPerMinute: number): Promise<void> {
  await app.register(rateLimit, {
    global: true,
    max: requestsPerMinute,
    timeWindow: 60_000,
    addHeaders: {
      "x-ratelimit-limit": false,
      "x-ratelimit-remaining": false,
      "x-ratelimit-reset": false,
      "retry-after": true,
    },
    addHeadersOnExceeding: {
      "x-ratelimit-limit": false,
      "x-ratelimit-remaining": false,
      "x-ratelimit-reset": false,
    },
    errorResponseBuilder: (_request, { ttl }) => tooManyRequests(requestsPerMinute, Math.ceil(ttl / 1_000)),
  });
}
