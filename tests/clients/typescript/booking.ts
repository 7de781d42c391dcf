// The life of a booking, through clients that are generated from the descriptions of both services:
// node booking.js RESERVATION_URL NOTIFIER_URL KEY
import createClient from "openapi-fetch";
import type { paths as NotifierPaths } from "./notifier.js";
import type { components, paths as ReservationPaths } from "./reservation.js";

declare const process: { argv: string[] };
declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function fetch(url: string, init: { method: string }): Promise<{ ok: boolean; status: number }>;

const [reservationUrl, notifierUrl, key] = process.argv.slice(2);
if (!reservationUrl || !notifierUrl || !key) {
  throw new Error("usage: booking.js RESERVATION_URL NOTIFIER_URL KEY");
}
const headers = { Authorization: `Bearer ${key}` };
const reservations = createClient<ReservationPaths>({ baseUrl: reservationUrl, headers });
const notifier = createClient<NotifierPaths>({ baseUrl: notifierUrl, headers });

/** The data of a successful response; an error that names the operation otherwise. */
function must<T>(operation: string, result: { data?: T; error?: unknown; response: Response }): T {
  if (result.data === undefined) {
    throw new Error(`${operation}: ${result.response.status} ${JSON.stringify(result.error)}`);
  }
  return result.data;
}

function check(condition: boolean, expectation: string): void {
  if (!condition) {
    throw new Error(`expected ${expectation}`);
  }
}

/** Repeats `attempt` until it returns a value, for at most 20 seconds. */
async function until<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const found = await attempt();
    if (found !== undefined) {
      return found;
    }
    await new Promise<void>((done) => setTimeout(done, 50));
  }
  throw new Error(`timed out waiting for ${what}`);
}

const contact: components["schemas"]["ContactInfo"] = {
  name: "Sari Wulandari",
  phone: "+62 812 3456 7890",
  email: "sari@example.com",
};
const start = new Date(Date.now() + 7 * 86_400_000).toISOString();

async function book(guests: number): Promise<components["schemas"]["ReservationView"]> {
  const body = { customer_id: "cust-42", contact_info: contact, start_time: start, party_size: guests };
  return must("createReservation", await reservations.POST("/api/reservations", { body }));
}

// A party of six pays a deposit.
const booked = await book(6);
check(booked.status === "PENDING" && booked.deposit.status === "due", "a hold with a deposit");
const one = { path: { reservation_id: booked.reservation_id } };

const payment = await until("the payment", async () => {
  const query = { reservation_id: booked.reservation_id };
  return must("listPayments", await notifier.GET("/api/payments", { params: { query } })).items[0];
});
// The guest pays on the page whose link is in the mail.
const contactNow = must(
  "getReservationContact",
  await reservations.GET("/api/reservations/{reservation_id}/contact", { params: one }),
);
const paid = await fetch(`${payment.checkout_url}/${contactNow.pay_links?.[0]?.token}/pay`, { method: "POST" });
check(paid.ok, `an accepted payment, not ${paid.status}`);
await until("the confirmation", async () => {
  const now = must("getReservation", await reservations.GET("/api/reservations/{reservation_id}", { params: one }));
  return now.status === "CONFIRMED" ? now : undefined;
});

const command = { params: one };
const moved = must(
  "rescheduleReservation",
  await reservations.POST("/api/reservations/{reservation_id}/reschedule", {
    ...command,
    body: { start_time: new Date(Date.now() + 60_000).toISOString() },
  }),
);
check(moved.version > booked.version, "a new version");
must(
  "assignTable",
  await reservations.POST("/api/reservations/{reservation_id}/assign-table", {
    ...command,
    body: { table_id: "T9", capacity: 6, area: "Teras" },
  }),
);
must("checkIn", await reservations.POST("/api/reservations/{reservation_id}/check-in", command));
const ended = must(
  "completeReservation",
  await reservations.POST("/api/reservations/{reservation_id}/complete", command),
);
check(ended.status === "COMPLETED", `COMPLETED, not ${ended.status}`);

const history = must(
  "getReservationHistory",
  await reservations.GET("/api/reservations/{reservation_id}/history", { params: one }),
);
// The same operation can also answer with text.
const first = typeof history === "string" ? undefined : history.entries[0];
check(first?.action === "reservation.created", "the history to begin with the booking");
const charges = must(
  "listReservationCharges",
  await reservations.GET("/api/reservations/{reservation_id}/charges", { params: one }),
);
check(charges.entries.some((entry) => entry.kind === "deposit_paid"), "the paid deposit among the charges");

// A second booking is cancelled; a repeated cancellation and a refused command are typed too.
const second = await book(2);
const other = { params: { path: { reservation_id: second.reservation_id } } };
const cancelled = must(
  "cancelReservation",
  await reservations.POST("/api/reservations/{reservation_id}/cancel", {
    ...other,
    body: { reason_code: "guest_request" },
  }),
);
check(cancelled.status === "CANCELLED", `CANCELLED, not ${cancelled.status}`);
const refused = await reservations.POST("/api/reservations/{reservation_id}/check-in", other);
check(refused.response.status === 409, `409, not ${refused.response.status}`);
const invalid = await reservations.POST("/api/reservations", {
  body: { customer_id: "", contact_info: contact, start_time: "tomorrow" },
});
const faults = invalid.error && "detail" in invalid.error ? invalid.error.detail : undefined;
check(Array.isArray(faults) && faults.length === 2, `two faults, not ${JSON.stringify(faults)}`);

// Lists page with a cursor.
const page = must("listReservations", await reservations.GET("/api/reservations", { params: { query: { limit: 1 } } }));
// As CSV and as a calendar the list is text.
const isPage = typeof page !== "string" && page.items.length === 1 && typeof page.next_cursor === "string";
check(isPage, "a first page with a cursor");
