import { ConfigError, type Environment } from "./read-environment.ts";

/** MEMCACHED_<POOL> and MEMCACHED_<POOL>_PREVIOUS, asked by the pool's name: they win over pools.yaml. */
export function poolNodes(
  environment: Environment,
): (pool: string) => { nodes?: string; previousNodes?: string } {
  return (pool) => {
    const name = `MEMCACHED_${upperCase(pool)}`;
    const { [name]: nodes, [`${name}_PREVIOUS`]: previousNodes } = environment;
    return { ...(nodes ? { nodes } : {}), ...(previousNodes ? { previousNodes } : {}) };
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
