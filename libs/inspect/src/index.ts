export { type ControlRecord, controlTopic, decodeControl, encodeControl } from "./control-record.ts";
export { explain, type Explanation, type Facts, type TouchingEvent } from "./explain.ts";
export { type ExplainAccess, explainKey } from "./explain-key.ts";
export { groupPositions } from "./group-positions.ts";
export { type EventPlace, type GroupPosition, type LateStep, lateStep, lateStepText } from "./late-step.ts";
export { requestValues, type ViewParams } from "./request-values.ts";
export { internalPath, paramsOf, viewsOfKey } from "./view-of-key.ts";
