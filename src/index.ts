export { EmberlogError } from "./base/errors.ts";
