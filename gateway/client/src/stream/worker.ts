// The script of the shared worker that follows the feed for all windows of a browser.
import { attend } from "./attend";
import { Hub } from "./hub";

const hub = new Hub();
const untilFree = (lock: string) => navigator.locks.request(lock, () => undefined);

addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port) attend(port, hub, untilFree);
});
