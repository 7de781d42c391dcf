// Starts the three services for a test, and stops, restarts and asks them.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, existsSync, openSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The runner gives ports that no other test uses, and says where the binaries and the venues are.
const { MEJA_BIN: bin, MEJA_VENUES: venues, MEJA_PORTS = "" } = process.env;
const ports = MEJA_PORTS.split(",");

// Limits that no test reaches: all guests of a test have one address.
const WIDE = Object.fromEntries([
  "MEJA_ADDRESS_REQUESTS_PER_MINUTE_MAX", "MEJA_CREDENTIAL_REQUESTS_PER_MINUTE_MAX", "MEJA_ADDRESS_FAILURES_PER_MINUTE_MAX",
  "RESERVATION_ADDRESS_BOOKINGS_PER_HOUR_MAX", "RESERVATION_CONTACT_BOOKINGS_PER_DAY_MAX",
].map((name) => [name, "1000000"]));
// For a test with the limits that a restaurant has.
export const OWN_LIMITS = Object.fromEntries(Object.keys(WIDE).map((name) => [name, undefined]));

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Waits until `check` returns something, and returns it.
export async function until(what, check, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}`);
    await sleep(50);
  }
}

// The environment of a process whose clock is as far ahead as the file says.
function clock(file) {
  const places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
  const library = places.map((place) => `${place}/faketime/libfaketimeMT.so.1`).find(existsSync);
  if (!library) throw new Error("libfaketime is missing: install the package faketime");
  return { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

export class Meja {
  // `hasClock`: the clock of the services can be moved.
  constructor(extra = {}, hasClock = false) {
    this.dir = mkdtempSync(join(tmpdir(), "meja-pages-"));
    if (hasClock) this.later(0);
    const [r, rg, n, ng, g] = ports.splice(0, 5);
    this.url = `http://localhost:${g}`;
    this.reservation = `http://127.0.0.1:${r}`;
    this.environment = {
      ...process.env,
      RESERVATION_LISTEN: `127.0.0.1:${r}`, RESERVATION_GRPC_LISTEN: `127.0.0.1:${rg}`,
      NOTIFIER_LISTEN: `127.0.0.1:${n}`, NOTIFIER_GRPC_LISTEN: `127.0.0.1:${ng}`,
      GATEWAY_LISTEN: `127.0.0.1:${g}`, MEJA_PUBLIC_URL: this.url,
      RESERVATION_URL: `http://127.0.0.1:${r}`, RESERVATION_GRPC_URL: `http://127.0.0.1:${rg}`,
      NOTIFIER_URL: `http://127.0.0.1:${n}`, NOTIFIER_GRPC_URL: `http://127.0.0.1:${ng}`,
      RESERVATION_DATA_DIR: join(this.dir, "reservation"), NOTIFIER_DATA_DIR: join(this.dir, "notifier"),
      RESERVATION_SECRETS_DIR: join(this.dir, "secrets"), NOTIFIER_SECRETS_DIR: join(this.dir, "secrets"),
      GATEWAY_SECRETS_DIR: join(this.dir, "secrets"),
      RESERVATION_VENUES: venues, RESERVATION_DISK_RESERVE_MIB: "0", NOTIFIER_DISK_RESERVE_MIB: "0",
      ...WIDE, MEJA_CONNECTIONS_PER_ADDRESS_MAX: "2048",
      ...(hasClock && clock(join(this.dir, "clock"))),
      ...extra,
    };
    this.checks = {
      reservation: `http://127.0.0.1:${r}/readyz`, notifier: `http://127.0.0.1:${n}/readyz`, gateway: `${this.url}/readyz`,
    };
    this.processes = {};
  }

  async start(...names) {
    for (const name of names.length ? names : ["reservation", "notifier", "gateway"]) {
      const log = openSync(join(this.dir, `${name}.log`), "a");
      const child = spawn(join(bin, name), [], { env: this.environment, stdio: ["ignore", log, log] });
      this.processes[name] = child;
      await until(`${name} to be ready`, async () => {
        if (child.exitCode !== null) throw new Error(`${name} has ended: ${this.log(name)}`);
        return fetch(this.checks[name]).then((answer) => answer.ok, () => false);
      });
    }
    return this;
  }

  log(name) {
    return readFileSync(join(this.dir, `${name}.log`), "utf8");
  }

  async stop(name, signal = "SIGKILL") {
    const child = this.processes[name];
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await ended;
  }

  async end() {
    for (const name of ["gateway", "notifier", "reservation"]) await this.stop(name);
    rmSync(this.dir, { recursive: true, force: true });
  }

  // Moves the clock of the services so many minutes ahead of the real one.
  later(minutes) {
    const next = join(this.dir, "next");
    writeFileSync(next, `+${minutes}m\n`);
    renameSync(next, join(this.dir, "clock"));
  }

  // The owner's credential, for requests to the API.
  get owner() {
    const [name, ...value] = readFileSync(join(this.dir, "secrets/owner.header"), "utf8").trim().split(": ");
    return { [name]: value.join(": ") };
  }

  async api(path, body, headers = {}) {
    const answer = await fetch(this.reservation + path, {
      method: body ? "POST" : "GET",
      headers: { "content-type": "application/json", ...this.owner, ...headers },
      body: body && JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }

  // Runs `reservation log` with these arguments.
  logTool(...more) {
    return execFileSync(join(bin, "reservation"), ["log", ...more], { env: this.environment, encoding: "utf8" });
  }

  // Runs `reservation signing-key` with these arguments.
  signingKey(...more) {
    return execFileSync(join(bin, "reservation"), ["signing-key", ...more], { env: this.environment, encoding: "utf8" });
  }

  // The types of the events about a subject such as `reservation/<id>`, in the order of the log.
  async events(subject) {
    const types = [];
    for (let after = ""; ;) {
      const page = (await this.api(`/events?limit=1000${after}`)).body;
      if (page.length === 0) return types;
      types.push(...page.filter((event) => event.subject === subject).map((event) => event.type));
      after = `&lastEventId=${page.at(-1).id}`;
    }
  }

  // The mails to `address`, the oldest first, as text with their links in one piece.
  mails(address) {
    const folder = join(this.dir, "notifier/outbox");
    if (!existsSync(folder)) return [];
    const all = readdirSync(folder).filter((name) => name.endsWith(".eml")).map((name) => readFileSync(join(folder, name), "utf8"));
    return all.filter((mail) => mail.includes(address)).map((mail) => mail.replace(/=\r?\n/g, "").replace(/=3D/g, "="));
  }

  // The first match of `pattern` in a mail to `address`.
  mailed(address, pattern) {
    return until(`a mail to ${address} with ${pattern}`, () => {
      for (const mail of this.mails(address).reverse()) {
        const found = mail.match(pattern);
        if (found) return found;
      }
      return null;
    });
  }
}

// A calendar date so many days from the venues' today, which is Jakarta's (UTC+7, no summer time).
export function inDays(days) {
  return new Date(Date.now() + days * 86_400_000 + 7 * 3_600_000).toISOString().slice(0, 10);
}
