import { ConfigError, type Environment } from "./read-environment.ts";

/** What the environment says of a pool; it wins over pools.yaml. */
export interface PoolSettings {
  readonly nodes?: string;
  readonly previousNodes?: string;
  readonly maxDeletesPerSecond?: number;
}

const ceiling = "_MAX_DELETES_PER_SECOND";

/**
 * MEMCACHED_<POOL>, MEMCACHED_<POOL>_PREVIOUS and MEMCACHED_<POOL>_MAX_DELETES_PER_SECOND, asked by the pool's name.
 * @throws ConfigError for a ceiling that is no whole number from 1 on
 */
export function poolNodes(environment: Environment): (pool: string) => PoolSettings {
  const wrong = Object.entries(environment).filter(
    ([name, value]) =>
      name.startsWith("MEMCACHED_") && name.endsWith(ceiling) && value && !/^[1-9]\d{0,8}$/.test(value),
  );
  if (wrong.length > 0)
    throw new ConfigError(wrong.map(([name]) => `${name}: must be a whole number from 1 on, keys a second`));
  return (pool) => {
    const name = `MEMCACHED_${upperCase(pool)}`;
    const { [name]: nodes, [`${name}_PREVIOUS`]: previousNodes, [name + ceiling]: most } = environment;
    return {
      ...(nodes ? { nodes } : {}),
      ...(previousNodes ? { previousNodes } : {}),
      ...(most ? { maxDeletesPerSecond: Number(most) } : {}),
    };
  };
}

/**
 * SERVICE_URL_<SERVICE>, asked by the service's name.
 * @throws ConfigError for one that is no plain http address
 */
export function serviceUrls(environment: Environment): (service: string) => string | undefined {
  const prefix = "SERVICE_URL_";
  const named = Object.entries(environment).filter(([name, url]) => name.startsWith(prefix) && url);
  const wrong = named.filter(([, url = ""]) => !isPlainHttp(url)).map(([name]) => name);
  if (wrong.length > 0)
    throw new ConfigError(
      wrong.map((name) => `${name}: must be http(s)://host:port, without user, query or fragment`),
    );
  const urls = new Map(named);
  return (service) => urls.get(`${prefix}${upperCase(service)}`);
}

function isPlainHttp(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === "");
}

function upperCase(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
