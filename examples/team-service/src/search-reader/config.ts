import { z } from "zod";

const settings = z.object({
  LISTEN_HOST: z.string().default("127.0.0.1"),
  PORT: z.coerce.number().int().default(3201),
  DATABASE_URL: z.string(),
  MEMCACHED_SEARCH: z.string(),
  MEMCACHED_TIMEOUT_MS: z.coerce.number().int().min(1).default(50),
  TEAM_SERVICE_URL: z.url(),
});

/** @throws z.ZodError that names each variable that is missing or wrong */
export function readConfig() {
  return settings.parse(process.env);
}
