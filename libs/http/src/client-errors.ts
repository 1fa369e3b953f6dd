import { type ServerResponse } from "node:http";
import { type Socket } from "node:net";
import { type Problem, problemBody, problemType, unreadable } from "./problem.ts";

/** Answers a request that has no route to go to (a URL that cannot be decoded); no filter sees it. */
export function answerUnroutable(
  _error: Error,
  _request: unknown,
  reply: { hijack(): unknown; readonly raw: ServerResponse },
): void {
  reply.hijack();
  const problem = unreadable(400, "path", "must be UTF-8, percent-encoded: %20 and not %zz");
  const body = problemBody(problem);
  const headers = { "content-type": problemType, "content-length": Buffer.byteLength(body) };
  reply.raw.writeHead(problem.status, headers).end(body);
}

/** Answers what is no request yet: Node's parser has given it up, and the connection with it. */
export function answerUnparsable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = unparsable(error);
  const body = problemBody(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${problemType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function unparsable({ code, message }: Error & { code?: string }): Problem {
  if (code === "HPE_HEADER_OVERFLOW")
    return unreadable(
      431,
      "headers",
      "have more than 16,384 bytes together with the path: send fewer or shorter ones",
    );
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return unreadable(408, "request", "did not arrive in time: send it again");
  return unreadable(400, "request", `must be HTTP/1.1 (${message})`);
}
