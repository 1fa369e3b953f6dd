// Preloaded into an invalidator by the auditor's spec, and by nothing else: after each renewal but a key's first it
// stores blindly what it had renewed the key with before. All the rest of the invalidator is the built one.
import { MetaDriver } from "@freshet/cache";

const { cas } = MetaDriver.prototype;
/** @type {Map<string, Buffer>} */
const before = new Map();

/**
 * @this {MetaDriver}
 * @param {Parameters<typeof cas>} renewal
 */
async function casAndLower(...renewal) {
  const [key, value, ttlSeconds] = renewal;
  const answer = await Reflect.apply(cas, this, renewal);
  const old = before.get(key);
  before.set(key, value);
  // A cas on whatever stands there now is a set.
  const standing = old && (await this.get(key));
  if (standing) await Reflect.apply(cas, this, [key, old, ttlSeconds, standing.cas]);
  return answer;
}

Object.assign(MetaDriver.prototype, { cas: casAndLower });
