/** What the kernel answers to bind(2) and listen(2), as a typed error. */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { EmberlogError } from "../base/errors.ts";

/** `errno` is negative. */
export function listenError(where: string, errno: number): EmberlogError {
  const known = getSystemErrorMap().get(errno);
  const text = known === undefined ? `error ${-errno}` : `${known[1]} (${known[0]})`;
  const code = errno === -constants.errno.EADDRINUSE ? "ADDRESS_IN_USE" : "CONFIG_INVALID";
  return new EmberlogError(code, `can't listen on ${where}: ${text}`);
}
