// Preloaded into the invalidator: profiles from its first batch until SIGUSR2, then writes to CPU_PROFILE.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";

const STEP = "freshet:invalidate.executing";
const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.setSamplingInterval", { interval: 500 });

const begin = () => {
  unsubscribe(STEP, begin);
  session.post("Profiler.start");
};
subscribe(STEP, begin);

process.on("SIGUSR2", () => {
  session.post("Profiler.stop", (error, { profile }) => {
    if (error) throw error;
    writeFileSync(String(process.env.CPU_PROFILE), JSON.stringify(profile));
  });
});
