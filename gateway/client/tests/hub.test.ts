// One stream for all windows of a browser: each is told everything behind its own snapshot, once.
import { describe, expect, test } from "vitest";
import type { FeedEvent } from "../src/state/apply";
import { Hub, RECENT_MAX, type Told } from "../src/stream/hub";
import type { Following } from "../src/stream/live";

const id = (position: number) => `${String(position).padStart(20, "0")}-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f`;
const events = (...positions: number[]) => positions.map((at) => ({ id: id(at) }) as FeedEvent);

// The connections that the hub makes, and what each is asked for.
function connections() {
  const made: { following: Following; from: string | null; isStopped: boolean }[] = [];
  const connect = (following: Following) => {
    const one = { following, from: following.cursor(), isStopped: false };
    made.push(one);
    return { stop: () => void (one.isStopped = true), cut: () => undefined, retry: () => undefined };
  };
  return { made, hub: new Hub(connect) };
}

function windowAt(position: number | null) {
  const heard: Told[] = [];
  const cursor = position === null ? null : id(position);
  const positions = () => heard.flatMap((told) => (told.kind === "events" ? told.events.map((event) => Number(event.id.slice(0, 20))) : []));
  return { cursor, tell: (told: Told) => void heard.push(told), heard, positions };
}

describe("the windows of a browser", () => {
  test("share one connection, and each hears what is behind its snapshot", () => {
    const { made, hub } = connections();
    const [first, second] = [windowAt(10), windowAt(12)];
    hub.join("dago", first);
    made[0]?.following.onState(true);
    made[0]?.following.onEvents(events(11, 12, 13));
    hub.join("dago", second);
    made[0]?.following.onEvents(events(14));
    expect(first.positions()).toEqual([11, 12, 13, 14]);
    expect(second.heard).toEqual([
      { kind: "state", isLive: true }, { kind: "events", events: events(13) }, { kind: "events", events: events(14) },
    ]);
    expect(made.map(({ from }) => from)).toEqual([id(10)]);
    expect(made[0]?.following.cursor()).toBe(id(14));
  });

  test("hear nothing twice when the stream goes back for an older snapshot", () => {
    const { made, hub } = connections();
    const [newer, older] = [windowAt(20), windowAt(15)];
    hub.join("dago", newer);
    made[0]?.following.onEvents(events(21));
    hub.join("dago", older);
    expect(made.map(({ from, isStopped }) => [from, isStopped])).toEqual([[id(20), true], [id(15), false]]);
    made[1]?.following.onEvents(events(16, 20, 21, 22));
    expect(newer.positions()).toEqual([21, 22]);
    expect(older.positions()).toEqual([16, 20, 21, 22]);
  });

  test("lose nothing when more has arrived than is kept", () => {
    const { made, hub } = connections();
    const [first, second] = [windowAt(0), windowAt(0)];
    hub.join("dago", first);
    made[0]?.following.onEvents(events(...Array.from({ length: RECENT_MAX + 1 }, (_, at) => at + 1)));
    hub.join("dago", second);
    expect(made.map(({ from }) => from)).toEqual([id(0), id(0)]);
    // What is kept is enough for a snapshot that contains the rest.
    hub.join("dago", windowAt(1));
    expect(made).toHaveLength(2);
  });

  test("of an empty log begin with its first event", () => {
    const { made, hub } = connections();
    const [empty, later] = [windowAt(null), windowAt(1)];
    hub.join("dago", empty);
    made[0]?.following.onEvents(events(0, 1));
    hub.join("dago", later);
    hub.join("dago", windowAt(null));
    expect(empty.positions()).toEqual([0, 1]);
    expect(later.positions()).toEqual([]);
    expect(made).toHaveLength(1);
  });

  test("end the connection when the last one leaves", () => {
    const { made, hub } = connections();
    const [first, second, elsewhere] = [windowAt(1), windowAt(1), windowAt(1)];
    hub.join("dago", first);
    hub.join("dago", second);
    hub.join("kemang", elsewhere);
    hub.leave("dago", first);
    expect(made.map(({ isStopped }) => isStopped)).toEqual([false, false]);
    hub.leave("dago", second);
    expect(made.map(({ isStopped }) => isStopped)).toEqual([true, false]);
    hub.join("dago", windowAt(5));
    expect(made.map(({ from }) => from)).toEqual([id(1), id(1), id(5)]);
  });

  test("are all told when the stream is lost, and begin anew", () => {
    const { made, hub } = connections();
    const [first, second] = [windowAt(3), windowAt(4)];
    hub.join("dago", first);
    hub.join("dago", second);
    made[0]?.following.onLost();
    for (const { heard } of [first, second]) expect(heard.at(-1)).toEqual({ kind: "lost" });
    hub.join("dago", windowAt(1));
    // Their locks become free after that, and end nothing.
    hub.leave("dago", first);
    hub.leave("dago", second);
    expect(made.map(({ from, isStopped }) => [from, isStopped])).toEqual([[id(3), true], [id(1), false]]);
  });
});
