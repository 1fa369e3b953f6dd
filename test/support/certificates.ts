// Certificates as a team's own authority would sign them, made anew for each spec file.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../scripts/local/run-command.mjs";

/** PEM files: an authority and what it signed for 127.0.0.1. */
export interface Certificates {
  /** The authority's certificate: what a client trusts. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** Key, certificate and authority in one file, as Kafka wants them. */
  readonly keystore: string;
}

/** Makes an authority of this name and a certificate for 127.0.0.1 in `dir`. */
export async function makeCertificates(dir: string, authority: string): Promise<Certificates> {
  mkdirSync(dir, { recursive: true });
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => runCommand("openssl", args, { env: { PATH: process.env.PATH } });
  const ellipticCurve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    ...["req", "-x509", ...ellipticCurve, "-days", "1", "-subj", `/CN=${authority}`],
    ...["-keyout", file("ca.key"), "-out", file("ca.pem")],
  );
  await openssl(
    ...["req", ...ellipticCurve, "-subj", "/CN=127.0.0.1"],
    ...["-keyout", file("server.key"), "-out", file("server.csr")],
  );
  writeFileSync(file("names"), "subjectAltName=IP:127.0.0.1\n");
  await openssl(
    ...["x509", "-req", "-days", "1", "-in", file("server.csr"), "-extfile", file("names")],
    ...["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-out", file("server.pem")],
  );
  const keystore = file("keystore.pem");
  const parts = ["server.key", "server.pem", "ca.pem"].map((name) => readFileSync(file(name), "utf8"));
  writeFileSync(keystore, parts.join(""));
  return { ca: file("ca.pem"), certificate: file("server.pem"), key: file("server.key"), keystore };
}
