/**
 * `emberlog ping`: the health check. Connects, authenticates if asked to, sends PING, and says by its exit code whether
 * the server answers: 0 for PONG, 1 for anything else, with the reason on standard error.
 *
 * A server that is loading or refuses writes answers an error and counts as not healthy.
 */
import { connect, type Socket } from "node:net";
import { latin1Bytes } from "../base/bytes.ts";

export interface PingTarget {
  readonly host: string;
  readonly port: number;
  /** A unix socket, instead of host and port. */
  readonly socket: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly timeoutMs: number;
}

/** An answer to PING or AUTH is one line; more without an end is no Redis server. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** The line that answered PING, without its end. Throws an Error that says why there is none. */
export function ping(target: PingTarget): Promise<string> {
  return new Promise((resolve, reject) => {
    const where = target.socket ?? `${target.host}:${target.port}`;
    const socket: Socket =
      target.socket === undefined
        ? connect({ host: target.host, port: target.port })
        : connect({ path: target.socket });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(`${where}: ${why}`));
    };
    const requests = target.password === undefined ? ["PING"] : [authentication(target, target.password), "PING"];
    const timer = setTimeout(() => fail(`no answer within ${target.timeoutMs} ms`), target.timeoutMs);
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("connect", () => socket.write(latin1Bytes(requests.map((each) => encode(each)).join(""))));
    socket.on("data", (piece: string) => {
      answer += piece;
      if (answer.length > ANSWER_BYTES_MAX) return fail("the answer is no answer to PING");
      const lines = answer.split("\r\n").slice(0, -1);
      const refused = lines.find((line) => line.startsWith("-"));
      if (refused !== undefined) return fail(refused.slice(1));
      if (lines.length < requests.length) return;
      const last = lines[requests.length - 1]!;
      if (last !== "+PONG") return fail(`answered ${last}`);
      socket.end();
      resolve("PONG");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.message || String(error.code)));
    socket.on("close", () => {
      clearTimeout(timer);
      fail("the connection was closed without an answer");
    });
  });
}

type RequestWords = string | readonly string[];

function authentication(target: PingTarget, password: string): RequestWords {
  return target.username === undefined ? ["AUTH", password] : ["AUTH", target.username, password];
}

/** A request as an array of bulk strings; text goes out as UTF-8. */
function encode(request: RequestWords): string {
  const words = typeof request === "string" ? [request] : request;
  const bulk = words.map((word) => {
    const bytes = Buffer.from(word, "utf8").toString("latin1");
    return `$${bytes.length}\r\n${bytes}\r\n`;
  });
  return `*${words.length}\r\n${bulk.join("")}`;
}
