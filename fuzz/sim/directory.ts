/** Where a simulated server's data are. */
export const SIM_DIRECTORY = "/data";
