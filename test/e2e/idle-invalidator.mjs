// Stands in for an invalidator that says it is ready and does nothing.
import { createServer } from "node:http";

createServer((_request, response) => response.end('{"status":"ok"}')).listen(
  Number(process.env.PORT),
  "127.0.0.1",
);
