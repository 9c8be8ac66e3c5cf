/** Eviction by the built server with a small limit, which `npm test` has the time for. */
import { evictionTests } from "./eviction_cases.ts";

evictionTests(5);
