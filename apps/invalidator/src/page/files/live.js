/** @typedef {import("../message.ts").Hello} Hello */
/** @typedef {import("../message.ts").Beat} Beat */
/** @typedef {import("../message.ts").Picture} Picture */
/** @typedef {"connecting" | "live" | "lost"} Connection */

/** A second between beats: after so long without one the connection is dead, whatever the browser thinks. */
const silenceMs = 5_000;
const retryMs = 1_000;

/**
 * Listens to what the invalidator sends, and connects again whenever that ends.
 * @param {{
 *   hello: (hello: Hello) => void,
 *   beat: (beat: Beat) => void,
 *   picture: (picture: Picture) => void,
 *   connection: (state: Connection) => void,
 * }} on
 */
export function listen(on) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let alarm;
  const source = new EventSource("live");
  const again = () => {
    clearTimeout(alarm);
    source.close();
    on.connection("lost");
    setTimeout(() => {
      listen(on);
    }, retryMs);
  };
  const heard = () => {
    clearTimeout(alarm);
    alarm = setTimeout(again, silenceMs);
  };
  heard();
  source.addEventListener("error", again);
  source.addEventListener("hello", (/** @type {MessageEvent<string>} */ { data }) => {
    heard();
    on.connection("live");
    /** @type {Hello} */
    const hello = JSON.parse(data);
    on.hello(hello);
  });
  source.addEventListener("picture", (/** @type {MessageEvent<string>} */ { data }) => {
    /** @type {Picture} */
    const picture = JSON.parse(data);
    on.picture(picture);
  });
  source.addEventListener("beat", (/** @type {MessageEvent<string>} */ { data }) => {
    heard();
    /** @type {Beat} */
    const beat = JSON.parse(data);
    on.beat(beat);
  });
}
