/** Eviction by the built server with a limit of 20 MB. */
import { evictionTests } from "./eviction_cases.ts";

evictionTests(20);
