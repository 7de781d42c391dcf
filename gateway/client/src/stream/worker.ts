// The script of the shared worker that follows for all windows of a browser.
import { Hub, type Asked, type Listener, type Told } from "./hub";

const hub = new Hub();

addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port) attend(port);
});

/** One window. It holds a lock under its name while it is open. */
function attend(port: MessagePort): void {
  const tell = (told: Told) => port.postMessage(told);
  let venue: string | null = null;

  function follow({ venueId, cursor, lock }: Extract<Asked, { kind: "follow" }>): void {
    const listener: Listener = { cursor, tell };
    venue = venueId;
    hub.join(venueId, listener);
    // A window that was closed, or has crashed, says nothing: its lock becomes free.
    void navigator.locks.request(lock, () => {
      venue = null;
      hub.leave(venueId, listener);
      port.close();
    });
  }

  port.onmessage = ({ data }: MessageEvent<Asked>) => {
    if (data.kind === "follow") return follow(data);
    // The stream has ended, and the window did not hear it.
    const connection = venue === null ? undefined : hub.connectionFor(venue);
    if (!connection) return tell({ kind: "lost" });
    connection[data.kind]();
  };
}
