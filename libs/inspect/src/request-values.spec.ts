import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { requestValues } from "./request-values.ts";

let server: Server;
let url = "";
let answer: (response: ServerResponse) => void;
let authorization: string | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    authorization = request.headers.authorization;
    request.resume().on("end", () => {
      answer(response);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  url = `http://127.0.0.1:${address.port}/internal/views/v`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const params = [{ id: "1" }, { id: "2" }];
const json = (text: string, status = 200) => {
  answer = (response) => response.writeHead(status).end(text);
};
const ask = (timeoutMs = 60_000) => requestValues({ url, token: "s3cret", timeoutMs }, params);

it("gives the values in order, and bears the token", async () => {
  json('{"values":[{"vs":{"p:1":7},"d":{"n":1}},{"vs":{"p:2":8},"d":null}],"more":1}');
  expect(await ask()).toEqual([
    { versions: { "p:1": 7 }, data: { n: 1 } },
    { versions: { "p:2": 8 }, data: null },
  ]);
  expect(authorization).toBe("Bearer s3cret");
});

it.each([
  [
    "an error",
    () => {
      json('{"values":[]}', 500);
    },
    /answered 500/,
  ],
  [
    "a refusal of the token",
    () => {
      json("{}", 401);
    },
    /answered 401: INTERNAL_TOKEN is not the one that it wants/,
  ],
  [
    "no JSON",
    () => {
      json("<html>");
    },
    /did not answer JSON/,
  ],
  [
    "another shape",
    () => {
      json('{"values":[{"d":1},{"d":2}]}');
    },
    /did not answer \{"values"/,
  ],
  [
    "a version that is none",
    () => {
      json('{"values":[{"vs":{"p:1":1.5},"d":1},{"vs":{},"d":2}]}');
    },
    /did not answer \{"values"/,
  ],
  [
    "too few values",
    () => {
      json('{"values":[{"vs":{},"d":1}]}');
    },
    /asked for 2 values and answered 1/,
  ],
  [
    "a redirect",
    () => {
      answer = (response) => response.writeHead(307, { location: url }).end();
    },
    /redirect/,
  ],
  [
    "a closed connection",
    () => {
      answer = (response) => response.destroy();
    },
    /other side closed|ECONNRESET/,
  ],
])("refuses %s", async (_, lie, message) => {
  lie();
  await expect(ask()).rejects.toThrow(expect.objectContaining({ code: "REFRESH_FAILED" }));
  await expect(ask()).rejects.toThrow(message);
});

it("does not read an answer without end", async () => {
  answer = (response) => {
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.writeHead(200).on("drain", more);
    more();
  };
  await expect(ask()).rejects.toThrow(/more than 16777216 bytes/);
});

it("does not wait for an answer that does not come", async () => {
  answer = () => undefined;
  await expect(ask(50)).rejects.toThrow(expect.objectContaining({ code: "REFRESH_FAILED" }));
});
