export { NestLogger } from "./nest-logger.ts";
