import { isPortFree } from "./ports.mjs";

/** @typedef {{ what: string, variable: string, port: number }} StartPort */

/**
 * The ports of `npm start`, from the environment or by default.
 * @param {NodeJS.ProcessEnv} env
 */
export function startPorts(env) {
  /**
   * @param {string} what
   * @param {string} variable
   * @param {number} byDefault
   * @returns {StartPort}
   */
  const one = (what, variable, byDefault) => ({
    what,
    variable,
    port: parsePort(variable, env[variable] ?? String(byDefault)),
  });
  /**
   * @param {string} variable
   * @param {string} byDefault
   * @returns {StartPort[]}
   */
  const several = (variable, byDefault) =>
    (env[variable] ?? byDefault)
      .split(",")
      .map((text) => ({ what: "memcached", variable, port: parsePort(variable, text) }));
  return {
    profileService: one("profile-service", "PROFILE_SERVICE_PORT", 3000),
    profileServiceInternal: one("profile-service's internal port", "PROFILE_SERVICE_INTERNAL_PORT", 3100),
    invalidator: one("the invalidator", "INVALIDATOR_PORT", 3001),
    invalidatorAdmin: one("the invalidator's admin port", "INVALIDATOR_ADMIN_PORT", 3101),
    auditor: one("the auditor", "AUDITOR_PORT", 3002),
    ingress: one("the ingress", "INGRESS_PORT", 3003),
    kafka: one("Kafka", "KAFKA_PORT", 9092),
    postgres: one("PostgreSQL", "POSTGRES_PORT", 5432),
    memcached: {
      profiles: several("MEMCACHED_PROFILES_PORTS", "11211,11212"),
      teams: several("MEMCACHED_TEAMS_PORTS", "11213"),
    },
  };
}

/**
 * Says of each port that is taken, or wanted twice, which variable changes it.
 * @param {StartPort[]} ports
 * @returns {Promise<string[]>}
 */
export async function portProblems(ports) {
  /** @type {string[]} */
  const problems = [];
  for (const [index, { what, variable, port }] of ports.entries()) {
    const twin = ports.slice(0, index).find((other) => other.port === port);
    if (twin) problems.push(`${variable} and ${twin.variable} both ask for port ${port}.`);
    else if (!(await isPortFree(port)))
      problems.push(`Port ${port} for ${what} is taken; choose another one with ${variable}.`);
  }
  return problems;
}

/**
 * @param {string} variable
 * @param {string} text
 */
function parsePort(variable, text) {
  const port = Number(text);
  if (!/^\d+$/.test(text.trim()) || port < 1 || port > 65_535)
    throw new Error(`${variable}: "${text}" is not a port (1–65535).`);
  return port;
}
