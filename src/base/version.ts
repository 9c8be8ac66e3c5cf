/** Emberlog's version, read from the one place that states it. */
import description from "../../package.json" with { type: "json" };

export const VERSION: string = description.version;
