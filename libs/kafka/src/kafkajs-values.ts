import kafkajs from "kafkajs";

// Node finds no named export for these in kafkajs's CommonJS index; vitest does, so only a real start shows it.
export const { ConfigResourceTypes, KafkaJSError, KafkaJSProtocolError } = kafkajs;
