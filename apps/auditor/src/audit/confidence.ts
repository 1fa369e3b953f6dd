/** 1.645: what lies above the bound in 95 of 100 cases. */
const z = 1.644_853_626_951_472_2;

/**
 * Least share of fresh checks that is believable at 95 %: the lower end of Wilson's interval. Unlike the plain share
 * it does not call ten fresh checks out of ten certain. 0 without a check.
 */
export function leastShare(fresh: number, checks: number): number {
  if (checks === 0) return 0;
  const share = fresh / checks;
  const square = (z * z) / checks;
  const middle = share + square / 2;
  const width = z * Math.sqrt((share * (1 - share)) / checks + square / (4 * checks));
  return Math.max(0, (middle - width) / (1 + square));
}

/** 0.999 is 3 nines; Infinity for 1. */
export function nines(share: number): number {
  return share >= 1 ? Infinity : -Math.log10(1 - share);
}
