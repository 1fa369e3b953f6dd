export { answerUnparsable, answerUnroutable } from "./client-errors.ts";
export { HEALTH, METRICS, ProbesController } from "./probes.controller.ts";
export { type FieldProblem, Problem, type Reply, sendProblem, unreadable, wrongPart } from "./problem.ts";
export { Routes } from "./routes.ts";
export { closeConnectionsWhenStopping } from "./stopping.ts";
