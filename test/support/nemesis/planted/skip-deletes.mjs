// Preloaded into an invalidator by the test of the nemesis: it does not send one delete in SKIP_ONE_IN, and says that it
// did. All the rest is the built app.
import { MetaDriver } from "@freshet/cache";

const oneIn = Number(process.env.SKIP_ONE_IN);
if (!(oneIn > 0)) throw new Error("skip-deletes.mjs needs SKIP_ONE_IN");

const { deleteMany } = MetaDriver.prototype;
let seen = 0;

/**
 * @this {MetaDriver}
 * @param {Parameters<MetaDriver["deleteMany"]>[0]} keys
 */
function deleteMost(keys) {
  return deleteMany.call(
    this,
    keys.filter(() => (seen += 1) % oneIn !== 0),
  );
}

Object.assign(MetaDriver.prototype, { deleteMany: deleteMost });
