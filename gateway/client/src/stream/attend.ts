// What the shared worker does for one window.
import type { Hub, Member, Told, Wanted } from "./hub";

/** What a window says. `lock`: a lock that it holds while it listens. */
export type Asked = ({ kind: "follow"; lock: string } & Wanted) | { kind: "cut" } | { kind: "check" };

/** The part of a message port that is used. */
export type Port = Pick<MessagePort, "postMessage" | "onmessage" | "close">;

/** Serves the window behind `port` until its lock becomes free: a window that was closed, or has crashed, says nothing. */
export function attend(port: Port, hub: Hub, untilFree: (lock: string) => Promise<void>): void {
  let member: Member | null = null;

  async function follow({ lock, ...wanted }: { lock: string } & Wanted): Promise<void> {
    const joined = hub.join(wanted, (told: Told) => port.postMessage(told));
    member = joined;
    await untilFree(lock);
    joined.leave();
    port.close();
  }

  port.onmessage = ({ data }: MessageEvent<Asked>) => {
    if (data.kind === "follow") void follow(data);
    else if (data.kind === "cut") member?.cut();
    else member?.check();
  };
}
