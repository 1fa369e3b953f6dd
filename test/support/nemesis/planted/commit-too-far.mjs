// Preloaded into an invalidator by the test of the nemesis: each commit is one offset too far. The entries of a commit
// are published on this channel just before they are sent, as they are sent.
import { subscribe } from "node:diagnostics_channel";

subscribe("freshet:kafka.commit", (message) => {
  const { entries } = /** @type {{ entries: { offset: string }[] }} */ (message);
  for (const entry of entries) entry.offset = String(BigInt(entry.offset) + 1n);
});
