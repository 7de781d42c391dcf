// The time of the service. The clock of a tablet may be wrong, and what happened is recorded with a time.

/** Differences below this are noise: the time in a response has whole seconds only. In milliseconds. */
const NOISE_MS = 2_000;

let aheadMs = 0;

/** A response says that it is `at`, in milliseconds since 1970. */
export function observe(at: number): void {
  const ahead = at - Date.now();
  if (Math.abs(ahead - aheadMs) > NOISE_MS) aheadMs = Math.abs(ahead) > NOISE_MS ? ahead : 0;
}

/** Now, by the clock of the service, in milliseconds since 1970. */
export function serviceNow(): number {
  return Date.now() + aheadMs;
}

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
