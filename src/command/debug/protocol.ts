/** DEBUG PROTOCOL type: a reply of each kind, for the tests of clients. */
import type { Call } from "../call.ts";

const NAMES = "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";
const NOT_IN_RESP2 = "ERR RESP2 is not supported by this command";

export function replyProtocol(call: Call): void {
  const { reply } = call;
  switch (call.text(2).toLowerCase()) {
    case "string":
      return reply.text("Hello World");
    case "integer":
      return reply.integer(12345);
    case "double":
      return reply.double("3.141");
    case "bignum":
      return reply.bigNumber("1234567999999999999999999999999999999");
    case "null":
      return reply.nil();
    case "array":
      reply.array(3);
      return replyNumbers(call);
    case "set":
      reply.set(3);
      return replyNumbers(call);
    case "map":
      reply.map(3);
      for (let i = 0; i < 3; i++) {
        reply.integer(i);
        reply.boolean(i === 1);
      }
      return;
    case "attrib":
      if (call.session.protocol === 3) {
        reply.attribute(1);
        reply.text("key-popularity");
        reply.array(2);
        reply.text("key:123");
        reply.integer(90);
      }
      // An attribute is no reply of its own: one must follow.
      return reply.text("Some real reply following the attribute");
    case "push":
      if (call.session.protocol !== 3) return reply.error(NOT_IN_RESP2);
      reply.push(2);
      reply.text("server-cpu-usage");
      reply.integer(42);
      return reply.text("Some real reply following the push reply");
    case "true":
      return reply.boolean(true);
    case "false":
      return reply.boolean(false);
    case "verbatim":
      return reply.verbatim("This is a verbatim\nstring");
    default:
      return reply.error(`ERR Wrong protocol type name. Please use one of the following: ${NAMES}`);
  }
}

function replyNumbers(call: Call): void {
  for (let i = 0; i < 3; i++) call.reply.integer(i);
}
