/** How far one partition is behind. `oldestMs`: append time of the oldest record not done, undefined when none. */
export interface LagState {
  readonly done: bigint;
  readonly high: bigint;
  readonly oldestMs: number | undefined;
}

/** A partition at its start: what waits is as old as the moment it was first seen, until it is read. */
export function startLag(position: bigint, high: bigint, nowMs: number): LagState {
  return settle({ done: position, high, oldestMs: nowMs });
}

/** The broker was asked for the end of the log: a record that waits unread is at least as old as this sight. */
export function seeHigh(state: LagState, high: bigint, nowMs: number): LagState {
  return settle({ ...state, high, oldestMs: state.oldestMs ?? nowMs });
}

/** Records were read: now the age of the oldest is exact. */
export function seeBatch(state: LagState, high: bigint, oldestMs: number): LagState {
  return settle({ ...state, high, oldestMs });
}

/**
 * Records up to `done` are done. `nextMs`: append time of the record at `done`, or of the last one before it when
 * that was not read yet (it is not older than that: the age is an upper bound).
 */
export function seeDone(state: LagState, done: bigint, nextMs: number): LagState {
  return settle({ ...state, done, oldestMs: nextMs });
}

/** Messages of the partition not yet done. */
export function offsetLag(state: LagState): bigint {
  return state.high > state.done ? state.high - state.done : 0n;
}

/** Age in seconds of the oldest record not done; 0 when there is none. Clocks that disagree never make it negative. */
export function timeLagSeconds(state: LagState, nowMs: number): number {
  return state.oldestMs === undefined ? 0 : Math.max(0, nowMs - state.oldestMs) / 1_000;
}

function settle(state: LagState): LagState {
  return state.high > state.done ? state : { ...state, oldestMs: undefined };
}
