// Preloaded into the invalidator by the benchmark of memory: another fetch size than the one that was chosen by it.
import { defaultConsumerSettings } from "@freshet/kafka";

Object.assign(defaultConsumerSettings, { maxBytesPerPartition: Number(process.env.BENCH_FETCH_BYTES) });
