import { missingRequirements } from "./requirements.mjs";

/**
 * Says what is missing and how large it is, and installs it. Where it may not (`allowed` false) or can't
 * (packages of the system without root), it prints the commands instead.
 * @param {Parameters<typeof missingRequirements>[0]} servers the ones that will run here
 * @param {{ allowed: boolean, signal?: AbortSignal }} options
 * @returns {Promise<boolean>} whether everything is there now
 */
export async function installWhatIsMissing(servers, { allowed, signal }) {
  const missing = missingRequirements(servers);
  if (missing.length === 0) return true;

  console.log(allowed ? "To be installed:" : "Missing:");
  for (const { what, size } of missing) console.log(`  ${what} (about ${size})`);
  const needsRoot = process.getuid?.() !== 0 && missing.some((requirement) => requirement.needsRoot);
  if (!allowed || needsRoot) {
    console.log(needsRoot ? "\nThis needs root. Run:" : "\nNothing was installed. Run:");
    for (const { commands, needsRoot } of missing)
      for (const command of commands) console.log(`  ${needsRoot ? "sudo " : ""}${command}`);
    return false;
  }
  for (const { what, install } of missing) {
    const started = performance.now();
    console.log(`installing ${what} …`);
    await install(signal);
    console.log(`  done in ${Math.round((performance.now() - started) / 1_000)} s`);
  }
  return true;
}
