/** What every command about a cluster answers here, as redis-server does without `cluster-enabled`. */
import type { Call } from "../../../command/call.ts";

export function clusterDisabled(call: Call): void {
  call.reply.error("ERR This instance has cluster support disabled");
}
