import { z } from "zod";

const settings = z.object({
  PORT: z.coerce.number().int().default(3200),
  KAFKA_BROKERS: z.string().transform((list) => list.split(",")),
  DATABASE_URL: z.string(),
  MEMCACHED_TEAMS: z.string(),
  MEMCACHED_TIMEOUT_MS: z.coerce.number().int().min(1).default(50),
  PROFILE_SERVICE_URL: z.url(),
});

/** @throws z.ZodError that names each variable that is missing or wrong */
export function readConfig() {
  return settings.parse(process.env);
}
