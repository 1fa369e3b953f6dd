import type { ServerResponse } from "node:http";
import { Controller, Get, Headers, HttpException, Inject, Param, Res } from "@nestjs/common";
import { LivePage } from "./live-page.ts";
import { PageFiles } from "./page-files.ts";

/** The parts of Fastify's reply that this needs. */
interface Reply {
  readonly raw: ServerResponse;
  hijack(): unknown;
  code(status: number): unknown;
  headers(values: Readonly<Record<string, string>>): unknown;
}

/** The live page at `/`, its files, and what it is fed by. All of it is read-only. */
@Controller()
export class PageController {
  readonly #live: LivePage;
  readonly #files: PageFiles;

  constructor(@Inject(LivePage) live: LivePage, @Inject(PageFiles) files: PageFiles) {
    this.#live = live;
    this.#files = files;
  }

  @Get()
  page(
    @Headers("if-none-match") known: string | undefined,
    @Res({ passthrough: true }) reply: Reply,
  ): Buffer | undefined {
    return this.#file("index.html", known, reply);
  }

  @Get("page/:name")
  file(
    @Param("name") name: string,
    @Headers("if-none-match") known: string | undefined,
    @Res({ passthrough: true }) reply: Reply,
  ): Buffer | undefined {
    return this.#file(name, known, reply);
  }

  @Get("live")
  live(@Res() reply: Reply): void {
    reply.hijack();
    if (this.#live.watch(reply.raw)) return;
    reply.raw.writeHead(503, { "retry-after": "5", "content-type": "text/plain; charset=utf-8" });
    reply.raw.end("too many watch already; try again later\n");
  }

  #file(name: string, known: string | undefined, reply: Reply): Buffer | undefined {
    const file = this.#files.get(name);
    if (file === undefined) throw new HttpException("the page has no such file", 404);
    reply.headers(file.headers);
    if (known !== file.headers.etag) return file.bytes;
    reply.code(304);
    return undefined;
  }
}
