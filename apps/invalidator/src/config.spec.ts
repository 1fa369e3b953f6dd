import { ConfigError } from "@freshet/config";
import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";

const environment = { KAFKA_BROKERS: "127.0.0.1:9092" };

describe("where a service is", () => {
  it("stands in the environment, under the service's name", () => {
    const { refresh } = readConfig({
      ...environment,
      SERVICE_URL_PROFILE_SERVICE: "http://127.0.0.1:3100",
      SERVICE_URL_TEAM_SERVICE: "",
    });
    expect(refresh.serviceUrl("profile-service")).toBe("http://127.0.0.1:3100");
    expect(refresh.serviceUrl("team-service")).toBeUndefined();
    expect(refresh.serviceUrl("constructor")).toBeUndefined();
  });

  it.each(["profile-service:3100", "ftp://host", "http://user:secret@host:1", "http://host/?to=elsewhere"])(
    "can't be %s, and a secret in it is not shown",
    (url) => {
      const read = () => readConfig({ ...environment, SERVICE_URL_PROFILE_SERVICE: url });
      expect(read).toThrow(ConfigError);
      expect(read).toThrow(/SERVICE_URL_PROFILE_SERVICE: must be/);
      expect(read).not.toThrow(/secret/);
    },
  );
});
