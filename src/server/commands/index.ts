/** The commands that speak about the server itself. */
import type { CommandDefinition } from "../../command/definition.ts";
import type { Server } from "../server.ts";
import { ping } from "./connection.ts";

export function serverCommands(_server: Server): readonly CommandDefinition[] {
  return [ping];
}
