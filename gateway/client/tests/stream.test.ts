// One stream for the windows of a browser: each is told everything behind its own snapshot, once.
import { describe, expect, test, vi } from "vitest";
import type { FeedEvent } from "../src/state/apply";
import { attend, type Asked, type Port } from "../src/stream/attend";
import { Hub, RECENT_MAX, type Told } from "../src/stream/hub";
import { Live, type Following } from "../src/stream/live";

const id = (position: number) => `${String(position).padStart(20, "0")}-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f`;
const events = (...positions: number[]) => positions.map((at) => ({ id: id(at) }) as FeedEvent);
const range = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

// The connections that the hub makes, and what each is asked for.
function connections() {
  const made: { following: Following; from: string | null; calls: string[] }[] = [];
  const connect = (following: Following) => {
    const one = { following, from: following.cursor(), calls: [] as string[] };
    made.push(one);
    const call = (name: string) => () => void one.calls.push(name);
    return { stop: call("stop"), cut: call("cut"), check: call("check") };
  };
  const hub = new Hub(connect);
  const at = (position: number | null, venueId = "dago", personId = "sari") => {
    const heard: Told[] = [];
    const cursor = position === null ? null : id(position);
    const member = hub.join({ venueId, personId, cursor }, (told) => void heard.push(told));
    const positions = () => heard.flatMap((told) => (told.kind === "events" ? told.events.map((event) => Number(event.id.slice(0, 20))) : []));
    return { ...member, heard, positions };
  };
  return { made, hub, at };
}

describe("the windows of a browser", () => {
  test("share one connection, and each hears what is behind its snapshot", () => {
    const { made, at } = connections();
    const first = at(10);
    made[0]?.following.onState(true);
    made[0]?.following.onEvents(events(11, 12, 13));
    const second = at(12);
    made[0]?.following.onEvents(events(14));
    expect(first.positions()).toEqual([11, 12, 13, 14]);
    expect(second.heard).toEqual([
      { kind: "state", isLive: true }, { kind: "events", events: events(13) }, { kind: "events", events: events(14) },
    ]);
    expect(made.map(({ from }) => from)).toEqual([id(10)]);
    expect(made[0]?.following.cursor()).toBe(id(14));
  });

  test("of different venues or people have their own connection", () => {
    const { made, at } = connections();
    at(1);
    at(1, "kemang");
    at(1, "dago", "budi");
    expect(made.map(({ following }) => following.venueId)).toEqual(["dago", "kemang", "dago"]);
  });

  test("are told to take a new snapshot if theirs is older than what is kept", () => {
    const { made, at } = connections();
    const first = at(20);
    made[0]?.following.onEvents(events(21));
    const older = at(19);
    expect(older.heard.at(-1)).toEqual({ kind: "lost" });
    made[0]?.following.onEvents(events(22));
    expect(older.positions()).toEqual([]);
    expect(first.positions()).toEqual([21, 22]);
    // Behind its own cursor, also after the log was replaced by a shorter one: the service must see it to refuse it.
    expect(made).toHaveLength(1);
    expect(made[0]?.following.cursor()).toBe(id(22));
  });

  test("hear everything that is kept, and no window joins behind what is not", () => {
    const { made, at } = connections();
    at(0);
    made[0]?.following.onEvents(events(...range(RECENT_MAX + 1)));
    expect(at(0).heard.at(-1)).toEqual({ kind: "lost" });
    expect(at(1).positions()).toEqual(range(RECENT_MAX + 1).slice(1));
  });

  test("begin with the first event of a log that was empty", () => {
    const { made, at } = connections();
    const empty = at(null);
    made[0]?.following.onEvents(events(0, 1));
    expect(empty.positions()).toEqual([0, 1]);
    expect(at(null).positions()).toEqual([0, 1]);
    expect(at(1).positions()).toEqual([]);
  });

  test("end the connection when the last one leaves", () => {
    const { made, at } = connections();
    const [first, second] = [at(1), at(1)];
    first.leave();
    expect(made[0]?.calls).not.toContain("stop");
    second.leave();
    expect(made[0]?.calls.at(-1)).toBe("stop");
    at(5);
    expect(made.map(({ from }) => from)).toEqual([id(1), id(5)]);
  });

  test("are all told when the stream is lost, and begin anew", () => {
    const { made, at } = connections();
    const [first, second] = [at(3), at(4)];
    made[0]?.following.onLost();
    for (const { heard } of [first, second]) expect(heard.at(-1)).toEqual({ kind: "lost" });
    at(1);
    // Their locks become free after that, and end nothing.
    first.leave();
    second.leave();
    expect(made.map(({ from }) => from)).toEqual([id(3), id(1)]);
    expect(made[1]?.calls).toEqual(["check"]);
  });

  test("are told the state when they join and when they ask, and the connection is checked", () => {
    const { made, at } = connections();
    const first = at(1);
    made[0]?.following.onState(true);
    first.check();
    first.cut();
    expect(first.heard).toEqual([false, true, true].map((isLive) => ({ kind: "state", isLive })));
    expect(made[0]?.calls).toEqual(["check", "check", "cut"]);
  });
});

test("the worker serves a window until its lock is free", async () => {
  const { made, hub } = connections();
  const told: Told[] = [];
  let free = () => {};
  let isClosed = false;
  const port: Port = { postMessage: (message: Told) => void told.push(message), onmessage: null, close: () => void (isClosed = true) };
  attend(port, hub, () => new Promise((done) => (free = done)));
  const ask = (data: Asked) => port.onmessage?.call(port as MessagePort, { data } as MessageEvent);
  // The browser can say that it is online before the window listens.
  ask({ kind: "check" });
  expect(told).toEqual([]);
  ask({ kind: "follow", venueId: "dago", personId: "sari", cursor: id(1), lock: "window" });
  ask({ kind: "check" });
  ask({ kind: "cut" });
  expect(told).toEqual([{ kind: "state", isLive: false }, { kind: "state", isLive: false }]);
  free();
  await vi.waitFor(() => expect(isClosed).toBe(true));
  expect(made[0]?.calls).toEqual(["check", "check", "cut", "stop"]);
});

test("a connection that is checked after a long silence is given up, and one that is not silent stays", async () => {
  vi.useFakeTimers();
  try {
    const aborted: boolean[] = [];
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => {
      signal?.addEventListener("abort", () => aborted.push(true));
      return new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(new Error("aborted"))));
    });
    const none = () => undefined;
    const live = new Live({ venueId: "dago", cursor: () => null, onEvents: none, onState: none, onAlive: none, onLost: none });
    vi.advanceTimersByTime(19_000);
    live.check();
    expect(aborted).toEqual([]);
    vi.advanceTimersByTime(2_000);
    live.check();
    expect(aborted).toEqual([true]);
    live.stop();
  } finally {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  }
});
