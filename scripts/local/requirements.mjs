// What a run needs and the machine lacks, and how each is installed. Uses Node alone: it runs before npm ci.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installKafkaJars, kafkaJarsDir } from "./kafka-jars.mjs";
import { runCommand } from "./run-command.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * @typedef {object} Requirement
 * @property {string} what
 * @property {string} size about, installed
 * @property {string[]} commands what a person would type
 * @property {boolean} needsRoot
 * @property {(signal?: AbortSignal) => Promise<void>} install
 */

/**
 * Lists what is missing, in an order in which it can be installed one by one. `extras` are
 * packages that a run can do without: they come along where others of Debian are installed.
 * @param {{ kafka: boolean, memcached: boolean, extras?: string[] }} servers the ones that will run here
 * @returns {Requirement[]}
 */
export function missingRequirements(servers) {
  /** @type {Requirement[]} */
  const missing = [];
  const jars = servers.kafka && !existsSync(kafkaJarsDir());
  const debian = [
    ...(servers.memcached && !onPath("memcached") ? ["memcached"] : []),
    ...(servers.kafka && !(jars ? hasJava() : onPath("java")) ? ["default-jre-headless"] : []),
    ...(jars && !onPath("mvn") ? ["maven"] : []),
  ];
  const extras = (servers.extras ?? []).filter((name) => !onPath(name));
  if (debian.length > 0) missing.push(debianPackages(debian, extras));
  if (!nodeModulesMatchTheLock()) missing.push(nodeModules());
  if (jars) missing.push(kafkaJars());
  return missing;
}

/**
 * @param {string[]} names
 * @param {string[]} extras
 * @returns {Requirement}
 */
function debianPackages(names, extras) {
  const sizes = { memcached: 1, "default-jre-headless": 195, maven: 20 };
  const size = Object.entries(sizes).reduce((sum, [name, mb]) => sum + (names.includes(name) ? mb : 0), 0);
  const install = ["install", "-y", "--no-install-recommends"];
  return {
    what: `Debian packages: ${names.join(", ")}`,
    size: `${size} MB`,
    commands: ["apt-get update", `apt-get ${[...install, ...names].join(" ")}`],
    needsRoot: true,
    install: async (signal) => {
      const options = {
        signal,
        // apt lets dpkg finish what it has begun. A dpkg that is interrupted while it unpacks leaves packages
        // "in a very bad inconsistent state", which only a person can repair.
        stopSignal: /** @type {const} */ ("SIGINT"),
        finishes: true,
        // Runlevel 1 keeps the packages' own services from being started, where that is honoured.
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
      };
      const apt = ["-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"];
      await runCommand("dpkg", ["--configure", "-a"], options);
      await runCommand("apt-get", [...apt, "update"], options);
      await runCommand("apt-get", [...apt, ...install, ...names], options);
      for (const extra of extras)
        await runCommand("apt-get", [...apt, ...install, extra], options).catch(() => {
          console.log(`  ${extra} can't be had here; what needs it is skipped`);
        });
      // Under systemd packages start what they hold: a node on 11211, a port that we are about to use, and more.
      const services = [...names, ...extras].filter((name) => ["memcached", "prometheus"].includes(name));
      if (services.length > 0 && existsSync("/run/systemd/system"))
        await runCommand("systemctl", ["disable", "--now", ...services], options);
    },
  };
}

/** @returns {Requirement} */
function nodeModules() {
  // Most engine warnings of optional packages are noise; NODE_ENV=production would leave out what builds.
  const npmCi = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  return {
    what: "npm packages in node_modules, PostgreSQL's binaries among them",
    size: "315 MB",
    commands: [`npm ${npmCi.join(" ")}`],
    needsRoot: false,
    install: (signal) => {
      const npm = process.env.npm_execpath;
      const [command, args] = npm ? [process.execPath, [npm, ...npmCi]] : ["npm", npmCi];
      return runCommand(command, args, { signal, cwd: ROOT });
    },
  };
}

/** @returns {Requirement} */
function kafkaJars() {
  return {
    what: `Kafka's jars in ${kafkaJarsDir()}, through Maven`,
    size: "43 MB",
    commands: ["node scripts/bootstrap.mjs"],
    needsRoot: false,
    install: installKafkaJars,
  };
}

/** @param {string} command */
function onPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((dir) => existsSync(join(dir, command)));
}

/** Kafka 4 wants Java 17. */
function hasJava() {
  const answer = spawnSync("java -version 2>&1", { shell: true, encoding: "utf8" });
  return Number(/version "(\d+)/.exec(answer.stdout)?.[1]) >= 17;
}

/** Compares the two lock files: times of change say nothing about a fresh clone. */
function nodeModulesMatchTheLock() {
  const installed = packagesOf("node_modules/.package-lock.json");
  return Object.entries(packagesOf("package-lock.json")).every(
    ([path, { optional, version }]) =>
      !path.startsWith("node_modules/") || optional || installed[path]?.version === version,
  );
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function packagesOf(file) {
  try {
    /** @type {{ packages: Record<string, { version?: string, optional?: boolean }> }} */
    const lock = JSON.parse(readFileSync(join(ROOT, file), "utf8"));
    return lock.packages;
  } catch {
    return {};
  }
}
