import { jsonSchemas } from "@freshet/contracts";
import { contentTypes } from "./read-request.ts";

type Json = Readonly<Record<string, unknown>>;

const header = (name: string, description: string, required: boolean): Json => ({
  name: `ce-${name}`,
  in: "header",
  required,
  description,
  schema: { type: "string" },
});

const problems: Readonly<Record<number, string>> = {
  400: "An event or the body is wrong: `errors` names the event, the field and what it must be; nothing was sent",
  401: "No token, or one that is not known",
  403: "This token may not publish an event of the request; nothing was sent",
  405: "Events go to POST",
  413: "The body has more than 1,048,576 bytes, or bears too many events",
  415: "The body is of another type",
  422: "Kafka refused some events for their size: `accepted` lists those that are published",
  429: "This token has sent its events of the minute; Retry-After says when to go on",
  503: "Kafka has not acknowledged: send the whole request again, after Retry-After seconds",
};

/** The ingress as an OpenAPI document. */
export function openApi(): Json {
  const event = { $ref: "#/components/schemas/ChangeEvent" };
  const { changeEvent } = jsonSchemas();
  delete changeEvent.$schema;
  return {
    openapi: "3.1.0",
    info: {
      title: "Freshet ingress",
      version: "1.0.0",
      description: "Change events over HTTP, by the CloudEvents HTTP binding 1.0",
    },
    security: [{ token: [] }],
    paths: {
      "/events": {
        post: {
          operationId: "publish",
          summary:
            "Publish one change event, or a batch of them; answered once Kafka has acknowledged them all",
          parameters: [
            header("specversion", "Binary mode only, as the other ce- headers: 1.0", false),
            header("id", "Unique per source", false),
            header("source", "The service that owns the entity", false),
            header("type", "The event's type", false),
            header("subject", "The entity's id, percent-encoded", false),
            header("time", "When the row was written", false),
          ],
          requestBody: {
            required: true,
            content: {
              [contentTypes[0]]: { schema: event },
              [contentTypes[1]]: { schema: { type: "array", items: event } },
              [contentTypes[2]]: { schema: { type: "object", description: "Binary mode: the event's data" } },
            },
          },
          responses: {
            200: {
              description: "Kafka has all of them",
              content: {
                "application/json": {
                  schema: {
                    type: "object",
                    required: ["accepted"],
                    properties: { accepted: { type: "integer", minimum: 0 } },
                  },
                },
              },
            },
            ...Object.fromEntries(
              Object.entries(problems).map(([status, description]) => [
                status,
                {
                  description,
                  content: {
                    "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
                  },
                },
              ]),
            ),
          },
        },
      },
    },
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        ChangeEvent: changeEvent,
        Problem: {
          type: "object",
          description: "Problem details, RFC 9457",
          required: ["title", "status", "detail"],
          properties: {
            title: { type: "string" },
            status: { type: "integer" },
            detail: { type: "string", description: "What is wrong, and what to do about it" },
            errors: {
              type: "array",
              items: {
                type: "object",
                required: ["field", "remedy"],
                properties: {
                  event: { type: "integer", description: "Which event of the request, from 0" },
                  id: { type: "string", description: "Its id, where it has one" },
                  field: { type: "string" },
                  remedy: { type: "string" },
                },
              },
            },
            accepted: { description: "Which events are published, from 0; or unknown" },
            retryAfterSeconds: { type: "integer" },
          },
        },
      },
    },
  };
}
