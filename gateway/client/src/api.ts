// Requests to the API, through the gateway from which the page came. The session is in cookies.
import { observe } from "./clock";
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];
export type Account = components["schemas"]["StaffView"];
export type Stand = components["schemas"]["StandView"];
export type { components };

/** The service refused a request, and says why. */
export class Refused extends Error {
  constructor(readonly status: number, readonly problem: Problem) {
    super(inWords(problem));
  }

  get code(): string {
    return this.problem.code;
  }
}

/** What a problem says to a person: its detail, or the messages of its faults. */
function inWords({ title, detail }: Problem): string {
  const faults: unknown = detail;
  if (!Array.isArray(faults)) return typeof faults === "string" ? faults : title;
  return faults.map(({ loc, msg }: Fault) => `${loc.at(-1)}: ${msg}`).join("; ");
}

interface Fault {
  loc: string[];
  msg: string;
}

/** No response: the connection is lost, or a service is down. Whether something happened is not known. */
export class Unreachable extends Error {}

/** How long a request may take by default, in milliseconds. */
const TIMEOUT_MS = 10_000;

export interface Options {
  body?: unknown;
  /** The version that the change is based on. */
  version?: number;
  /** The tag of the response on which the change is based, in place of a version. */
  tag?: string | null;
  /** The same key for a repetition of the same request. */
  key?: string;
  /** The PIN of a manager, who allows this one request. */
  approval?: Approval | undefined;
  /** A key in place of the session. */
  apiKey?: string | null;
  /** How long the request may take, in milliseconds. */
  timeoutMs?: number;
}

export interface Approval {
  staffId: string;
  pin: string;
}

export interface Response<T> {
  body: T;
  /** The body as it was received. */
  text: string;
  /** The tag of what the body shows, to be presented with a change. */
  tag: string | null;
}

/** Sends a request and reads the response. Throws {@link Refused} or {@link Unreachable}. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<Response<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.apiKey) headers.authorization = `Bearer ${options.apiKey}`;
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.version !== undefined) headers["if-match"] = `"${options.version}"`;
  else if (options.tag) headers["if-match"] = options.tag;
  if (options.key) headers["idempotency-key"] = options.key;
  if (options.approval) headers["meja-approval"] = `${options.approval.staffId} ${options.approval.pin}`;
  let answer: globalThis.Response;
  let text: string;
  try {
    const body = options.body === undefined ? null : JSON.stringify(options.body);
    answer = await fetch(path, { method, headers, body, signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS), cache: "no-store" });
    text = await answer.text();
  } catch {
    throw new Unreachable(path);
  }
  const date = Date.parse(answer.headers.get("date") ?? "");
  if (!Number.isNaN(date)) observe(date);
  if (answer.status >= 500) throw new Unreachable(`${path}: ${answer.status}`);
  let body: unknown = null;
  try {
    body = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Unreachable(`${path}: not JSON`);
  }
  if (!answer.ok) throw new Refused(answer.status, body as Problem);
  return { body: body as T, text, tag: answer.headers.get("etag") };
}

export async function get<T>(path: string): Promise<T> {
  return (await request<T>("GET", path)).body;
}

export async function post<T>(path: string, body?: unknown, options: Options = {}): Promise<T> {
  return (await request<T>("POST", path, { ...options, body: body ?? {} })).body;
}
