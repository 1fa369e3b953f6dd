export { type ManifestsFolder, readManifestsFolder } from "./manifests-folder.ts";
export { poolNodes, type PoolSettings, serviceUrls } from "./named-settings.ts";
export { ConfigError, type Environment, readEnvironment, settingsTable } from "./read-environment.ts";
export {
  deployment,
  kafkaSettings,
  type KafkaSettings,
  kafkaClientOptions,
  listenHost,
  port,
  logLevel,
  onOff,
  listOf,
  stopTimeoutMs,
} from "./settings.ts";
