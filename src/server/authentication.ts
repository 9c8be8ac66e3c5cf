/**
 * Who may come in: one user, "default", with the password in `requirepass`; an empty one lets everybody in.
 *
 * Passwords are compared by their digests in constant time, so that neither the time nor the length tells anything.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { latin1Bytes } from "../base/bytes.ts";
import type { Call } from "../command/call.ts";
import type { Server } from "./server.ts";

export const WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";

const USER = "default";

/** Lets the client in if the name and the password (argument `i`) are right. False: they are not, and nothing changed. */
export function logIn(call: Call, server: Server, user: string, i: number): boolean {
  if (user !== USER) return false;
  const wanted = server.config.text("requirepass");
  if (wanted !== "" && !timingSafeEqual(digest(latin1Bytes(wanted)), digest(call.copyOf(i)))) return false;
  call.session.authenticated = true;
  call.session.refresh();
  return true;
}

export function passwordIsSet(server: Server): boolean {
  return server.config.text("requirepass") !== "";
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
