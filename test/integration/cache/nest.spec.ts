import { ReadThroughCache } from "@freshet/cache";
import { ReadThroughCacheModule } from "@freshet/cache/nest";
import { NestFactory } from "@nestjs/core";
import { expect, it } from "vitest";
import { Memcached } from "./memcached.ts";
import { Primary, userProfile } from "./primary.ts";
import { Proxy } from "./proxy.ts";

it("a Nest application is given a cache, which gives up its connections when the application ends", async () => {
  await using memcached = await Memcached.start();
  await using proxy = await Proxy.before(memcached);
  const pools = { profiles: { nodes: proxy.node.name } };
  const module = ReadThroughCacheModule.with({ pools, limits: { timeoutMs: 2_000 } });
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  const cache = app.get(ReadThroughCache);
  const primary = new Primary();
  const row = primary.commit("42");
  expect(await cache.get(userProfile, { profileId: "42" }, primary.loader("42"))).toEqual(row);
  expect(proxy.connections).toBe(1);
  await app.close();
  await expect.poll(() => proxy.connections).toBe(0);
});
