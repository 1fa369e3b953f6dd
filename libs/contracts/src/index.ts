export {
  type ChangeEvent,
  changeEventSchema,
  type ChangeKind,
  maxSubjectBytes,
  type RoutingValues,
} from "./change-event.ts";
export {
  type CacheKey,
  encodeKeyParam,
  isWellFormed,
  type KeyParam,
  maxKeyBytes,
  maxParamBytes,
} from "./cache-key.ts";
export {
  type Cached,
  decodeCached,
  decodeVersionsHeader,
  encodeCachedValue,
  encodeLease,
  encodeVersionsHeader,
  entityKey,
  satisfies,
  type TagTokens,
  type Versions,
} from "./cached-value.ts";
export {
  decodeChangeEvent,
  type Decoded,
  encodeChangeEvent,
  type EncodedMessage,
  structuredContentType,
  type UndecodableReason,
  undecodableReasons,
} from "./cloudevents.ts";
export {
  type ChangeEventDefinition,
  defineChangeEvent,
  type RoutingOf,
  type RoutingType,
  routingTypesOf,
} from "./define-change-event.ts";
export {
  defaultTtlSeconds,
  defineView,
  maxTtlSeconds,
  on,
  type OnChange,
  type RoutingPath,
  tag,
  type ViewDefinition,
  type ViewDependency,
  type ViewParams,
  type ViewTag,
  type ViewValue,
} from "./define-view.ts";
export { changeEventOfRow, type TableChange, type TableMapping } from "./debezium.ts";
export { type ErrorCode, errorCodes, FreshetError } from "./errors.ts";
export { jsonSchemas, publishedEventJsonSchema } from "./json-schema.ts";
export {
  defineManifest,
  type Manifest,
  ManifestError,
  type ManifestProblem,
  manifestSchema,
  type ManifestView,
  parseManifest,
  parsePools,
  type Pool,
  type Pools,
  poolsSchema,
  type PublishedEvent,
} from "./manifest.ts";
export { publishedEventSchema } from "./published-event.ts";
export {
  type KeyTemplate,
  parseKeyTemplate,
  parseTagTemplate,
  renderKey,
  renderTagKey,
  templatesOverlap,
  type TemplateParams,
} from "./template.ts";
