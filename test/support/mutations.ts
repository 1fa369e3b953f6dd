import { seededRandom } from "./seeded-random.ts";

/**
 * Inputs that are almost right: samples with bytes flipped, cut out, repeated, spliced with one another, and with
 * fragments that parsers have stumbled over. The seed decides; without end.
 */
export function* mutations(
  samples: readonly string[],
  fragments: readonly string[],
  seed: number,
): Generator<Buffer, never> {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const oneOf = (choice: readonly string[]): Buffer => Buffer.from(choice[below(choice.length)] ?? "");
  const ways: readonly ((input: Buffer, at: number, length: number) => Buffer)[] = [
    (input, at) => {
      const flipped = Buffer.from(input);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << below(8));
      return flipped;
    },
    (input, at, length) => Buffer.concat([input.subarray(0, at), input.subarray(at + length)]),
    (input, at, length) => Buffer.concat([input.subarray(0, at + length), input.subarray(at)]),
    (input, at) => input.subarray(0, at),
    (input, at) => Buffer.concat([input.subarray(0, at), oneOf(fragments), input.subarray(at)]),
    (input, at, length) =>
      Buffer.concat([input.subarray(0, at), oneOf(fragments), input.subarray(at + length)]),
    (input, at) => Buffer.concat([input.subarray(0, at), oneOf(samples).subarray(at)]),
    (input, at) => {
      const nested = oneOf(fragments).toString().repeat(below(200));
      return Buffer.concat([input.subarray(0, at), Buffer.from(nested), input.subarray(at)]);
    },
  ];
  for (;;) {
    let input = oneOf(samples);
    for (let times = 1 + below(4); times > 0; times -= 1)
      input = ways[below(ways.length)]?.(input, below(input.length + 1), below(20)) ?? input;
    yield input;
  }
}
