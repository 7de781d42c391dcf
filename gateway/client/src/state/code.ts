// The short code of a reservation: the last 30 bits of its id, in Crockford's base 32.

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 6;

/** The code of the reservation `id`, such as `7QK2M9`. */
export function codeOf(id: string): string {
  const bits = Number.parseInt(id.replaceAll("-", "").slice(-8), 16) & 0x3fff_ffff;
  let code = "";
  for (let place = LENGTH - 1; place >= 0; place--) code += DIGITS[(bits >> (5 * place)) % 32];
  return code;
}
