import { type FastifyAdapter } from "@nestjs/platform-fastify";

/**
 * Ends each connection with the answer that is under way when the stop begins. Node closes only those that are idle
 * at that moment; the others would hold the stop for the keep-alive time of 72 s.
 */
export function closeConnectionsWhenStopping(adapter: FastifyAdapter): void {
  const fastify = adapter.getInstance();
  let stopping = false;
  fastify.addHook("preClose", (done) => {
    stopping = true;
    done();
  });
  fastify.addHook("onSend", (_request, reply, _payload, done) => {
    if (stopping) reply.header("connection", "close");
    done();
  });
}
