import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { Controller, Get, Header, StreamableFile } from "@nestjs/common";
import { openApi } from "./openapi.ts";

const { resolve } = createRequire(import.meta.url);

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>profile-service</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/page.js"></script>
</html>
`;
const script = `SwaggerUIBundle({ url: "/docs/json", dom_id: "#ui", validatorUrl: null });\n`;

/** The API's document, and a page to read it and try it out. */
@Controller("docs")
export class DocsController {
  @Get()
  @Header("content-type", "text/html; charset=utf-8")
  @Header(
    "content-security-policy",
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
  )
  page(): string {
    return page;
  }

  @Get("json")
  json(): unknown {
    return openApi();
  }

  @Get("page.js")
  @Header("content-type", "text/javascript; charset=utf-8")
  script(): string {
    return script;
  }

  @Get("swagger-ui.css")
  style(): StreamableFile {
    return file("swagger-ui.css", "text/css; charset=utf-8");
  }

  @Get("swagger-ui-bundle.js")
  bundle(): StreamableFile {
    return file("swagger-ui-bundle.js", "text/javascript; charset=utf-8");
  }
}

function file(name: string, type: string): StreamableFile {
  return new StreamableFile(createReadStream(resolve(`swagger-ui-dist/${name}`)), { type });
}
