import { hash } from "node:crypto";
import { firstWordOfMd5 } from "./md5.ts";
import type { CacheNode } from "./node-list.ts";

const digestsPerNode = 40;
const pointsPerDigest = 4;

/** Of a point, the bits that tell where on the ring to look: with ten nodes they leave less than one step. */
const leadingBits = 12;

/**
 * The owner of a key, as its place in the list, exactly as libmemcached's KETAMA_WEIGHTED has it (`ketama_weighted:
 * True` of pylibmc). libketama itself and pylibmc's `ketama: True` are other rings. Checked against ketama.json.
 */
export function ketama(nodes: readonly CacheNode[]): (key: string) => number {
  if (nodes.length === 1) return () => 0;

  const ring = nodes
    .flatMap((node, owner) => pointsOf(node, digestsOf(node, nodes)).map((point) => ({ point, owner })))
    .sort((a, b) => a.point - b.point);
  const points = Uint32Array.from(ring, ({ point }) => point);
  // After the last point the ring begins again.
  const owners = Uint32Array.from([...ring, ...ring.slice(0, 1)], ({ owner }) => owner);
  const firstWith = Uint32Array.from({ length: 2 ** leadingBits }, (_, bits) =>
    firstAtOrAfter(points, bits * 2 ** (32 - leadingBits)),
  );
  return (key) => {
    const wanted = firstWordOfMd5(key);
    let at = firstWith[wanted >>> (32 - leadingBits)] ?? 0;
    while ((points[at] ?? Infinity) < wanted) at += 1;
    return owners[at] ?? 0;
  };
}

/** libmemcached counts in 32-bit floats: with 25 equal nodes each gets 39 digests instead of 40. */
function digestsOf(node: CacheNode, nodes: readonly CacheNode[]): number {
  const { fround } = Math;
  const totalWeight = nodes.reduce((sum, { weight }) => sum + weight, 0);
  const share = fround(fround(node.weight) / fround(totalWeight));
  const points = fround(share * digestsPerNode * pointsPerDigest);
  return Math.floor(fround(fround(fround(points / pointsPerDigest) * nodes.length) + 1e-10));
}

function pointsOf({ name, host, port }: CacheNode, digests: number): number[] {
  const ringName = port === 11_211 ? host : name;
  return Array.from({ length: digests }, (_, index) => md5(`${ringName}-${index}`)).flatMap((digest) =>
    Array.from({ length: pointsPerDigest }, (_, place) => digest.readUInt32LE(place * 4)),
  );
}

function firstAtOrAfter(sorted: Uint32Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function md5(text: string): Buffer {
  return hash("md5", text, "buffer");
}
